//go:build wasip1

package oncegate

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"unsafe"
)

// The contract's six functions, as the component model's canonical ABI has them: a string or a list is an address and a
// length, an option a number and the value, and an answer of more than one number is written to where the last argument
// points. Strings stand for lists of bytes, too. What is pointed to lies in the heap or is global, never on a stack: the
// host calls back for room, and a stack that grows moves.

//go:wasmimport oncegate:plugin/dedup@0.1.0 seen
func importSeen(key string, answer unsafe.Pointer)

//go:wasmimport oncegate:plugin/dedup@0.1.0 commit
func importCommit(key string, answer unsafe.Pointer)

//go:wasmimport oncegate:plugin/dedup@0.1.0 commit-with
func importCommitWith(key, receipt string, answer unsafe.Pointer)

//go:wasmimport oncegate:plugin/output@0.1.0 emit
func importEmit(topic string, hasKey bool, key string, headers unsafe.Pointer, headersLength uint32, payload string,
	answer unsafe.Pointer)

//go:wasmimport oncegate:plugin/log@0.1.0 log
func importLog(level uint32, text string)

//go:wasmimport oncegate:plugin/config@0.1.0 get
func importConfig(name string, answer unsafe.Pointer)

// answerWords is where the host writes an answer: 32 bytes, the most that one has.
var answerWords [4]uint64

func answer() unsafe.Pointer { return unsafe.Pointer(&answerWords) }

func answerByte(at int) uint8 { return uint8(answerWords[at/8] >> (at % 8 * 8)) }

func answerWord(at int) uint32 { return uint32(answerWords[at/8] >> (at % 8 * 8)) }

func answerBytes(at int) []byte { return room.copyOf(answerWord(at), answerWord(at+4)) }

func answerText(at int) string { return room.text(answerWord(at), answerWord(at+4)) }

// calls lets one goroutine at a time be in a call: there is one answer, and while the host asks for room another
// goroutine may run, which the host could not answer.
var calls sync.Mutex

// enter begins a call, if a message is being handled.
func enter() bool {
	calls.Lock()
	if invocation == 0 {
		calls.Unlock()
		return false
	}
	mayCall = 0
	room.clear()
	return true
}

func leave() {
	mayCall = invocation
	calls.Unlock()
}

func hostSeen(key string) (Sighting, error) {
	if !enter() {
		return Sighting{}, errOutside()
	}
	defer leave()
	importSeen(key, answer())
	// Values that are 64 bits wide stand at multiples of 8, and with them all cases of their variant.
	if answerByte(0) != 0 {
		return Sighting{}, refusalAt(8)
	}
	switch answerByte(8) {
	case 0:
		return Sighting{Kind: SeenNew}, nil
	case 1:
		sighting := Sighting{Kind: SeenDuplicate}
		if answerByte(16) != 0 {
			sighting.Receipt = answerBytes(20)
		}
		return sighting, nil
	}
	return Sighting{Kind: SeenInFlight, LeftMS: answerWords[2]}, nil
}

func hostCommit(key string) error {
	if !enter() {
		return errOutside()
	}
	defer leave()
	importCommit(key, answer())
	return committed()
}

func hostCommitWith(key string, receipt []byte) error {
	if !enter() {
		return errOutside()
	}
	defer leave()
	importCommitWith(key, bytesAsText(receipt), answer())
	return committed()
}

func committed() error {
	if answerByte(0) != 0 {
		return refusalAt(4)
	}
	return nil
}

func refusalAt(at int) *Refusal {
	switch answerByte(at) {
	case 0:
		return &Refusal{Kind: InvalidKey, Reason: answerText(at + 4)}
	case 1:
		return &Refusal{Kind: NotClaimed}
	case 2:
		return &Refusal{Kind: Mismatch}
	case 3:
		return &Refusal{Kind: Dead, Reason: answerText(at + 4)}
	case 4:
		return &Refusal{Kind: TooManyKeys, Limit: answerWord(at + 4)}
	case 5:
		return &Refusal{Kind: ReceiptTooLarge, Limit: answerWord(at + 4)}
	}
	return &Refusal{Kind: Unavailable, Reason: answerText(at + 4)}
}

func hostEmit(o *output) error {
	if !enter() {
		return errOutputOutside()
	}
	defer leave()
	key := ""
	if o.key != nil {
		key = *o.key
	}
	headers := make([]rawHeader, len(o.headers))
	for i, header := range o.headers {
		headers[i] = rawHeader{spanOf(header.Name), spanOf(bytesAsText(header.Value))}
	}
	importEmit(o.topic, o.key != nil, key, unsafe.Pointer(unsafe.SliceData(headers)), uint32(len(headers)),
		bytesAsText(o.payload), answer())
	// The addresses in the headers are numbers, by which nothing is kept.
	runtime.KeepAlive(o)
	if answerByte(0) == 0 {
		return nil
	}
	switch answerByte(4) {
	case 0:
		return &OutputRefusal{Kind: TopicNotAllowed}
	case 1:
		return &OutputRefusal{Kind: InvalidOutput, Reason: answerText(8)}
	case 2:
		return &OutputRefusal{Kind: TooManyOutputs, Limit: answerWord(8)}
	}
	return &OutputRefusal{Kind: OutputTooLarge, Limit: answerWord(8)}
}

func hostLog(level Level, text string) {
	if !enter() {
		fmt.Fprintf(os.Stderr, "%s %s\n", level, text)
		return
	}
	defer leave()
	importLog(uint32(level), text)
}

func hostConfig(name string) (string, bool) {
	if !enter() {
		return "", false
	}
	defer leave()
	importConfig(name, answer())
	if answerByte(0) == 0 {
		return "", false
	}
	return answerText(4), true
}

// A string or a list of bytes, as the canonical ABI lays it out.
type span struct{ at, length uint32 }

type rawHeader struct{ name, value span }

func spanOf(text string) span {
	return span{uint32(uintptr(unsafe.Pointer(unsafe.StringData(text)))), uint32(len(text))}
}

func bytesAsText(bytes []byte) string { return unsafe.String(unsafe.SliceData(bytes), len(bytes)) }
