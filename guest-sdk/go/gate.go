package oncegate

import "unicode/utf8"

// SightingKind says how a key was found.
type SightingKind string

// The kinds, in the contract's words.
const (
	// SeenNew: nobody has committed this key, and this invocation now holds the claim to it.
	SeenNew SightingKind = "new"
	// SeenDuplicate: the key's effect has happened.
	SeenDuplicate SightingKind = "duplicate"
	// SeenInFlight: another delivery holds the claim. Whatever the handler returns, this delivery is made again later and
	// uses up no attempt.
	SeenInFlight SightingKind = "in-flight"
)

// Sighting is the answer to [Seen].
type Sighting struct {
	Kind SightingKind
	// Receipt is what was stored with a duplicate's commit; nil if nothing was.
	Receipt []byte
	// LeftMS is for how many milliseconds more, at most, a key is in flight elsewhere.
	LeftMS uint64
}

// Seen claims a key: of all handlers that ask for it at the same time, one is answered [SeenNew]. An error is a
// [*Refusal].
//
// This is no mere look: after SeenNew, commit the key or fail. It may wait a short while if the key is in flight
// elsewhere. [Once] asks, works and commits in one call.
func Seen(key string) (Sighting, error) {
	if err := checkKey(key); err != nil {
		return Sighting{}, err
	}
	return hostSeen(key)
}

// Commit stages the commit of a key that was answered [SeenNew], without a receipt. A second commit of the same key
// changes nothing. An error is a [*Refusal].
func Commit(key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	return hostCommit(key)
}

// CommitWith stages the commit of a key that was answered [SeenNew], with bytes that every later duplicate is given. A
// second commit of the same key keeps the first receipt. An error is a [*Refusal].
func CommitWith(key string, receipt []byte) error {
	if err := checkKey(key); err != nil {
		return err
	}
	return hostCommitWith(key, receipt)
}

// checkKey refuses what the contract cannot carry. A replacement would make one key of two.
func checkKey(key string) error {
	if !utf8.ValidString(key) {
		return &Refusal{Kind: InvalidKey, Reason: "it is not UTF-8"}
	}
	return nil
}
