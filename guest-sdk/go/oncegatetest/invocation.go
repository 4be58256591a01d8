package oncegatetest

import (
	"bytes"
	"fmt"
	"slices"
	"sync"

	"oncegate.dev/sdk"
)

// invocation is one call of a handler: what it was told and what it staged. Its methods are the contract's functions, as
// package oncegate calls them, on any goroutine.
type invocation struct {
	host    *Host
	origin  origin
	payload []byte

	mutex   sync.Mutex
	known   map[string]*known
	lastNew *known
	outputs []staged
	bytes   int
	log     []Line
	// Why the delivery has to be made again, once an answer has said so.
	deferred string
	// The first answer that ended the delivery, and what its other keys are dead for.
	decided     *oncegate.Refusal
	death       string
	tooManyKeys bool
}

// known is a key that this invocation has asked for, with the answer, which does not change.
type known struct {
	sighting oncegate.Sighting
	refusal  *oncegate.Refusal
	// Whether its commit is staged, and with which receipt.
	isCommitted bool
	receipt     []byte
}

func (k *known) isNew() bool { return k.refusal == nil && k.sighting.Kind == oncegate.SeenNew }

type staged struct {
	Output
	// The key that it belongs to; nil if none was new before it.
	owner *known
}

// Seen is the contract's function.
func (i *invocation) Seen(name string) (oncegate.Sighting, error) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	if refusal := i.checkKey(name); refusal != nil {
		return oncegate.Sighting{}, refusal
	}
	key, ok := i.known[name]
	if !ok {
		if limit := i.host.Limits.Keys; len(i.known) >= int(limit) {
			i.tooManyKeys = true
			return oncegate.Sighting{}, &oncegate.Refusal{Kind: oncegate.TooManyKeys, Limit: limit}
		}
		key = i.look(name)
		if i.known == nil {
			i.known = map[string]*known{}
		}
		i.known[name] = key
	}
	return i.answer(key)
}

func (i *invocation) answer(key *known) (oncegate.Sighting, error) {
	switch {
	case key.refusal != nil:
		// A copy: the caller may do with it what it likes.
		refusal := *key.refusal
		return oncegate.Sighting{}, &refusal
	case key.isCommitted:
		return oncegate.Sighting{Kind: oncegate.SeenDuplicate, Receipt: slices.Clone(key.receipt)}, nil
	case key.isNew():
		i.lastNew = key
	}
	sighting := key.sighting
	sighting.Receipt = slices.Clone(sighting.Receipt)
	return sighting, nil
}

// look asks the store, and notes what its answer decides.
func (i *invocation) look(name string) *known {
	if i.host.down {
		refusal := &oncegate.Refusal{Kind: oncegate.Unavailable, Reason: "the store did not answer"}
		i.deferred = refusal.Error()
		return &known{refusal: refusal}
	}
	record, ok := i.host.records[name]
	switch {
	case !ok:
		return &known{sighting: oncegate.Sighting{Kind: oncegate.SeenNew}}
	case record.state == inFlight:
		i.deferred = fmt.Sprintf("key in flight elsewhere, for at most %d ms more", record.leftMS)
		return &known{sighting: oncegate.Sighting{Kind: oncegate.SeenInFlight, LeftMS: record.leftMS}}
	case record.state == dead && record.origin != nil && *record.origin == i.origin:
		// The same delivery once more: it dies of what it died of.
		return i.decide(&oncegate.Refusal{Kind: oncegate.Dead, Reason: record.reason}, record.reason)
	case record.state == dead:
		return i.decide(&oncegate.Refusal{Kind: oncegate.Dead, Reason: record.reason}, "key is dead: "+record.reason)
	case record.payload != nil && !bytes.Equal(record.payload, i.payload):
		death := fmt.Sprintf("mismatch: key %s was committed with another payload", name)
		return i.decide(&oncegate.Refusal{Kind: oncegate.Mismatch}, death)
	}
	return &known{sighting: oncegate.Sighting{Kind: oncegate.SeenDuplicate, Receipt: record.receipt}}
}

func (i *invocation) decide(refusal *oncegate.Refusal, death string) *known {
	if i.decided == nil {
		i.decided, i.death = refusal, death
	}
	return &known{refusal: refusal}
}

// Commit is the contract's two functions.
func (i *invocation) Commit(name string, receipt []byte, hasReceipt bool) error {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	if refusal := i.checkKey(name); refusal != nil {
		return refusal
	}
	key, ok := i.known[name]
	if !ok {
		return &oncegate.Refusal{Kind: oncegate.NotClaimed}
	}
	if limit := i.host.Limits.ReceiptBytes; len(receipt) > int(limit) {
		return &oncegate.Refusal{Kind: oncegate.ReceiptTooLarge, Limit: limit}
	}
	if !key.isNew() {
		return &oncegate.Refusal{Kind: oncegate.NotClaimed}
	}
	if key.isCommitted {
		return nil
	}
	key.isCommitted = true
	if hasReceipt {
		key.receipt = append([]byte{}, receipt...)
	}
	return nil
}

func (i *invocation) checkKey(name string) *oncegate.Refusal {
	switch limit := i.host.Limits.KeyBytes; {
	case name == "":
		return &oncegate.Refusal{Kind: oncegate.InvalidKey, Reason: "it is empty"}
	case len(name) > limit:
		reason := fmt.Sprintf("it has %d bytes, and %d are allowed", len(name), limit)
		return &oncegate.Refusal{Kind: oncegate.InvalidKey, Reason: reason}
	}
	return nil
}

// Log is the contract's function.
func (i *invocation) Log(level oncegate.Level, text string) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	i.log = append(i.log, Line{level, text})
}

// Config is the contract's function.
func (i *invocation) Config(name string) (string, bool) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	value, ok := i.host.config[name]
	return value, ok
}
