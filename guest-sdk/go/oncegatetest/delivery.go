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
// handler returned, then whether everything is covered. The third text is what the keys that it claimed are dead for from
// now on; empty if they are not.
func (i *invocation) end(failed, reject bool, text string) (end End, reason, death string) {
	switch {
	case i.deferred != "":
		return Deferred, i.deferred, ""
	case i.decided != nil && i.decided.Kind == oncegate.Mismatch:
		return Mismatch, i.decided.Error(), i.death
	case i.decided != nil:
		return Dead, i.decided.Error(), i.death
	case reject:
		return Reject, text, "rejected: " + text
	case failed:
		return Retry, text, ""
	case i.tooManyKeys:
		return Retry, fmt.Sprintf("more than %d keys in one delivery", i.host.Limits.Keys), ""
	case i.host.FreeOutputs:
		return Applied, "", ""
	}
	if reason := i.uncovered(); reason != "" {
		return EffectWithoutCommit, reason, "effect without commit: " + reason
	}
	return Applied, "", ""
}

// uncovered names the first output whose key was not committed, or, if none was new before it, that has no commit at all.
func (i *invocation) uncovered() string {
	for index, output := range i.outputs {
		switch {
		case output.owner == nil && !i.anyCommitted():
			return fmt.Sprintf("output %d to topic %s: no key was committed", index+1, output.Topic)
		case output.owner != nil && !output.owner.isCommitted:
			return fmt.Sprintf("output %d to topic %s: its key was not committed", index+1, output.Topic)
		}
	}
	return ""
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

// die marks the keys that the invocation claimed dead, committed or not.
func (i *invocation) die(reason string) {
	for name, key := range i.known {
		if key.isNew() {
			i.host.records[name] = record{state: dead, reason: reason, origin: &i.origin}
		}
	}
}
