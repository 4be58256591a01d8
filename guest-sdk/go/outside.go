package oncegate

// What is answered when no message is being handled: in a program's start, or in what a handler left running.
const outside = "called outside of a delivery"

func errOutside() error { return &Refusal{Kind: Unavailable, Reason: outside} }

func errOutputOutside() error { return &OutputRefusal{Kind: InvalidOutput, Reason: outside} }
