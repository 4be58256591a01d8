package oncegatetest

import (
	"slices"
	"sync"

	"oncegate.dev/sdk"
	"oncegate.dev/sdk/internal/seam"
)

// Host is what a host remembers between deliveries. Make it with [New]; its fields may be set between deliveries.
type Host struct {
	// Limits are what one invocation may use.
	Limits Limits
	// Topics are what a handler may emit to; nil is any topic.
	Topics []string
	// FreeOutputs applies outputs that no commit covers.
	FreeOutputs bool

	records map[string]record
	down    bool
	config  map[string]string
	outputs []Output
	log     []Line
}

// Limits are what one invocation may use, with the real host's names.
type Limits struct {
	// Keys that it may name.
	Keys uint32
	// KeyBytes is the length of a key.
	KeyBytes int
	// ReceiptBytes is the length of a receipt.
	ReceiptBytes uint32
	// Outputs that it may emit.
	Outputs uint32
	// OutputBytes are the bytes of all outputs together: topics, keys, headers and payloads.
	OutputBytes uint32
	// OutputHeaders are the headers of one output.
	OutputHeaders int
	// OutputNameBytes is the length of a topic, of an output's key and of a header's name.
	OutputNameBytes int
}

// DefaultLimits are what the real host allows by default.
func DefaultLimits() Limits {
	return Limits{
		Keys: 64, KeyBytes: 1024, ReceiptBytes: 64 << 10,
		Outputs: 1000, OutputBytes: 1 << 20, OutputHeaders: 64, OutputNameBytes: 1024,
	}
}

// Output is one output.
type Output struct {
	Topic   string
	Key     *string
	Headers []oncegate.Header
	Payload []byte
}

// Line is one line of the log.
type Line struct {
	Level oncegate.Level
	Text  string
}

// record is what the store knows of a key.
type record struct {
	// What the key is: committed, or in flight, or dead.
	state   state
	receipt []byte
	// The payload that was committed; nil if it was planted without one and matches any.
	payload []byte
	leftMS  uint64
	reason  string
	// The delivery that died; nil if it was planted.
	origin *origin
}

// origin is which delivery one is, whoever hands it over.
type origin struct{ topic, id string }

type state int

const (
	committed state = iota
	inFlight
	dead
)

// New is a host that has seen nothing.
func New() *Host {
	return &Host{Limits: DefaultLimits(), records: map[string]record{}, config: map[string]string{}}
}

// Message is a first delivery of a message with this payload, without key, headers or time.
func Message[Payload ~string | ~[]byte](payload Payload) oncegate.Message {
	return oncegate.Message{ID: "test:0", Topic: "test", Payload: []byte(payload), Attempt: 1}
}

// turn is held by the delivery that is under way: the calls of a handler do not say whose they are.
var turn sync.Mutex

// Deliver hands one message to a handler and applies what it staged, if it may be applied. If it would go to the dead
// letters, the keys that it claimed are dead from now on.
func (h *Host) Deliver(handler func(oncegate.Message) error, message oncegate.Message) Delivery {
	turn.Lock()
	defer turn.Unlock()
	invocation := &invocation{host: h, origin: origin{message.Topic, message.ID}, payload: message.Payload}
	seam.Host.Store(seam.Holder{Host: invocation})
	// Also if the handler ends the test.
	defer seam.Host.Store(seam.Holder{})
	failed, reject, text := seam.Run(handler, message)
	invocation.mutex.Lock()
	defer invocation.mutex.Unlock()
	h.log = append(h.log, invocation.log...)
	end, reason, death := invocation.end(failed, reject, text)
	switch {
	case end == Applied:
		invocation.apply()
	case death != "":
		invocation.die(death)
	}
	delivery := Delivery{End: end, Reason: reason, Log: invocation.log}
	if !failed {
		for _, staged := range invocation.outputs {
			delivery.Staged = append(delivery.Staged, staged.Output)
		}
	}
	return delivery
}

// SetConfig sets what [oncegate.Config] answers for this name.
func (h *Host) SetConfig(name, value string) { h.config[name] = value }

// PlantCommitted makes a key a duplicate for every payload, with this receipt; nil is none.
func (h *Host) PlantCommitted(key string, receipt []byte) {
	h.records[key] = record{state: committed, receipt: slices.Clone(receipt)}
}

// PlantCommittedBy makes a key a duplicate for this payload, with this receipt, and a mismatch for any other.
func (h *Host) PlantCommittedBy(key string, receipt, payload []byte) {
	h.records[key] = record{state: committed, receipt: slices.Clone(receipt), payload: append([]byte{}, payload...)}
}

// PlantInFlight makes another delivery hold a key for so many milliseconds more.
func (h *Host) PlantInFlight(key string, leftMS uint64) {
	h.records[key] = record{state: inFlight, leftMS: leftMS}
}

// PlantDead makes a key one that was given up for this reason.
func (h *Host) PlantDead(key, reason string) { h.records[key] = record{state: dead, reason: reason} }

// Forget makes a key new.
func (h *Host) Forget(key string) { delete(h.records, key) }

// SetStoreDown says whether the store answers.
func (h *Host) SetStoreDown(down bool) { h.down = down }

// Outputs are all outputs that were applied, oldest first.
func (h *Host) Outputs() []Output { return h.outputs }

// IsCommitted says whether a key is committed.
func (h *Host) IsCommitted(key string) bool {
	record, ok := h.records[key]
	return ok && record.state == committed
}

// Receipt is the receipt of a committed key; nil if it has none.
func (h *Host) Receipt(key string) []byte {
	if record, ok := h.records[key]; ok && record.state == committed {
		return record.receipt
	}
	return nil
}

// Log is all lines that were logged, also by invocations that failed, oldest first.
func (h *Host) Log() []Line { return h.log }
