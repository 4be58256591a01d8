package oncegatetest

import (
	"fmt"

	"oncegate.dev/sdk"
)

// End is how a delivery ended.
type End string

// The ends.
const (
	// Applied: the handler returned nil, and what it staged was applied.
	Applied End = "applied"
	// Deferred: a key was in flight or the store did not answer; nothing was applied, whatever the handler returned.
	Deferred End = "deferred"
	// Retry: the delivery would be made again.
	Retry End = "retry"
	// Reject: the delivery would go to the dead letters.
	Reject End = "reject"
	// Mismatch: a key was committed with another payload.
	Mismatch End = "mismatch"
	// Dead: a key was given up earlier.
	Dead End = "dead"
	// EffectWithoutCommit: an output's key was not committed; nothing was applied.
	EffectWithoutCommit End = "effect-without-commit"
)

// Delivery is what came of one delivery.
type Delivery struct {
	End End
	// Reason is the text that an operator would be shown; empty if it was applied.
	Reason string
	// Staged are the outputs that were emitted, if the handler returned nil, whether or not they were applied.
	Staged []Output
	// Log is what was logged.
	Log []Line
}

// String shows how it ended, and why.
func (d Delivery) String() string {
	if d.Reason == "" {
		return string(d.End)
	}
	return string(d.End) + ": " + d.Reason
}

// end decides what becomes of the delivery, in the real host's order: what a key's answer has decided, then what the
// handler returned, then whether everything is covered.
func (i *invocation) end(failed, reject bool, text string) (End, string) {
	switch {
	case i.deferred != "":
		return Deferred, i.deferred
	case i.decided != nil && i.decided.Kind == oncegate.Mismatch:
		return Mismatch, i.decided.Error()
	case i.decided != nil:
		return Dead, i.decided.Error()
	case reject:
		return Reject, text
	case failed:
		return Retry, text
	case i.tooManyKeys:
		return Retry, fmt.Sprintf("more than %d keys in one delivery", i.host.Limits.Keys)
	case !i.host.FreeOutputs && !i.covered():
		return EffectWithoutCommit, "effect without commit"
	}
	return Applied, ""
}

// covered says whether each output's key was committed, or some key if none was new before it.
func (i *invocation) covered() bool {
	for _, output := range i.outputs {
		if output.owner == nil && !i.anyCommitted() || output.owner != nil && !output.owner.isCommitted {
			return false
		}
	}
	return true
}

func (i *invocation) anyCommitted() bool {
	for _, key := range i.known {
		if key.isCommitted {
			return true
		}
	}
	return false
}

func (i *invocation) apply() {
	for name, key := range i.known {
		if key.isCommitted {
			i.host.records[name] = record{state: committed, receipt: key.receipt, payload: append([]byte{}, i.payload...)}
		}
	}
	for _, output := range i.outputs {
		i.host.outputs = append(i.host.outputs, output.Output)
	}
}
