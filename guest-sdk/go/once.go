package oncegate

// Passage is how a key passed the gate.
type Passage struct {
	// First says whether the work was done by this invocation.
	First bool
	// Receipt is what the work left, the same for the first delivery and for every later one; nil if it left nothing.
	Receipt []byte
}

// Once does the work that belongs to a key, unless it has been done: it claims the key, runs work if the key is new, and
// commits the key with the receipt that work returns, or without one if that is nil.
//
// The key names the business event (a payment's id, an order's number), not the delivery. What work emits belongs to this
// key, so keys are not nested: an output emitted after an inner Once would belong to the inner key.
//
// An error is what work returned, and nothing is committed then; or a [*Refusal]; or a [*RetryError] if another delivery
// holds the key, which uses up no attempt.
func Once(key string, work func() ([]byte, error)) (Passage, error) {
	sighting, err := Seen(key)
	switch {
	case err != nil:
		return Passage{}, err
	case sighting.Kind == SeenDuplicate:
		return Passage{Receipt: sighting.Receipt}, nil
	case sighting.Kind == SeenInFlight:
		return Passage{}, Retryf("key in flight elsewhere, for at most %d ms more", sighting.LeftMS)
	}
	receipt, err := work()
	if err != nil {
		return Passage{}, err
	}
	if receipt == nil {
		err = Commit(key)
	} else {
		err = CommitWith(key, receipt)
	}
	if err != nil {
		return Passage{}, err
	}
	return Passage{First: true, Receipt: receipt}, nil
}
