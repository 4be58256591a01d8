package oncegate

import "fmt"

// RefusalKind says why the gate refused a key or a commit.
type RefusalKind string

// The kinds, in the contract's words.
const (
	// InvalidKey: the key is empty or too long; Reason says which.
	InvalidKey RefusalKind = "invalid-key"
	// NotClaimed: a commit named a key for which this invocation was not answered new.
	NotClaimed RefusalKind = "not-claimed"
	// Mismatch: the key was committed with another payload. The delivery goes to the dead letters whatever the handler
	// returns.
	Mismatch RefusalKind = "mismatch"
	// Dead: the key was given up earlier; Reason says why. The host ends the delivery whatever the handler returns.
	Dead RefusalKind = "dead"
	// TooManyKeys: this invocation named more keys than Limit.
	TooManyKeys RefusalKind = "too-many-keys"
	// ReceiptTooLarge: the receipt has more than Limit bytes. The key may be committed with a shorter one.
	ReceiptTooLarge RefusalKind = "receipt-too-large"
	// Unavailable: the store could not answer; Reason says why. The delivery is made again and uses up no attempt.
	Unavailable RefusalKind = "unavailable"
)

// Refusal is why the gate refused a key or a commit. Nothing was claimed or staged by the refused call.
//
// Returned by a handler, also wrapped, Unavailable asks for another delivery and all others reject this one: either the
// caller's error, or an end that the host has already decided.
type Refusal struct {
	Kind RefusalKind
	// Reason is the host's text, of InvalidKey, Dead and Unavailable.
	Reason string
	// Limit is what the host allows, of TooManyKeys and ReceiptTooLarge.
	Limit uint32
}

func (r *Refusal) Error() string {
	switch r.Kind {
	case InvalidKey:
		return "invalid key: " + r.Reason
	case NotClaimed:
		return "commit of a key that this invocation has not claimed"
	case Mismatch:
		return "the key was committed with another payload"
	case Dead:
		return "the key was given up earlier: " + r.Reason
	case TooManyKeys:
		return fmt.Sprintf("more than %d keys in one invocation", r.Limit)
	case ReceiptTooLarge:
		return fmt.Sprintf("receipt of more than %d bytes", r.Limit)
	case Unavailable:
		return "store unavailable: " + r.Reason
	}
	return "refused: " + string(r.Kind)
}

func (r *Refusal) rejects() bool { return r.Kind != Unavailable }

// OutputRefusalKind says why the host refused an output.
type OutputRefusalKind string

// The kinds, in the contract's words.
const (
	// TopicNotAllowed: the operator does not let this handler write to that topic.
	TopicNotAllowed OutputRefusalKind = "topic-not-allowed"
	// InvalidOutput: a name is empty, too long or reserved; Reason says which.
	InvalidOutput OutputRefusalKind = "invalid"
	// TooManyOutputs: this invocation emitted more outputs than Limit.
	TooManyOutputs OutputRefusalKind = "too-many"
	// OutputTooLarge: with this output, the invocation's outputs would have more bytes than Limit.
	OutputTooLarge OutputRefusalKind = "too-large"
)

// OutputRefusal is why the host refused an output. Nothing was staged by the refused call.
//
// Returned by a handler, also wrapped, it rejects the delivery: the same handler with the same message would be refused
// again.
type OutputRefusal struct {
	Kind OutputRefusalKind
	// Reason is the host's text, of InvalidOutput.
	Reason string
	// Limit is what the host allows, of TooManyOutputs and OutputTooLarge.
	Limit uint32
}

func (r *OutputRefusal) Error() string {
	switch r.Kind {
	case TopicNotAllowed:
		return "output refused: this handler may not write to that topic"
	case InvalidOutput:
		return "output refused: " + r.Reason
	case TooManyOutputs:
		return fmt.Sprintf("output refused: more than %d in one invocation", r.Limit)
	case OutputTooLarge:
		return fmt.Sprintf("output refused: more than %d bytes in one invocation", r.Limit)
	}
	return "output refused: " + string(r.Kind)
}

func (r *OutputRefusal) rejects() bool { return true }
