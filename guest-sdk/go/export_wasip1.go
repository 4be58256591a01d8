//go:build wasip1

package oncegate

import (
	"strings"
	"unsafe"
)

// mayCall says to the adapter whether the host may be called: 0 is no, any other number is the invocation that is under
// way. The host calls for room while it may not be called itself, and Go would trap at the clock: so it may be called
// while a handler runs, and not while a handler waits for the host.
var mayCall uint32 = 1

// invocation is the number of the one that is under way, and 0 outside of one.
var invocation, lastInvocation uint32

//go:wasmimport wasi_snapshot_preview1 oncegate_may_call
func importMayCall(word *uint32)

func init() { importMayCall(&mayCall) }

// result is where the host reads an answer: whether it is a failure, at 4 which one, at 8 its text. It stays until the
// next call, and with it failureText.
var (
	result      [4]uint32
	failureText string
)

//go:wasmexport handle
func handle(idAt, idLength, topicAt, topicLength, hasKey, keyAt, keyLength, headersAt, headersLength,
	payloadAt, payloadLength, attempt, hasPublished uint32, published uint64) unsafe.Pointer {
	mayCall = 0
	message := Message{
		ID:      room.text(idAt, idLength),
		Topic:   room.text(topicAt, topicLength),
		Headers: headersAtAddress(headersAt, headersLength),
		Payload: room.copyOf(payloadAt, payloadLength),
		Attempt: attempt,
	}
	if hasKey != 0 {
		key := room.text(keyAt, keyLength)
		message.Key = &key
	}
	if hasPublished != 0 {
		message.PublishedMS = &published
	}
	room.clear()
	return answerOf(invoke(message))
}

func headersAtAddress(at, length uint32) []Header {
	if length == 0 {
		return nil
	}
	raw := room.at(at, length*uint32(unsafe.Sizeof(rawHeader{})))
	headers := make([]Header, length)
	for i, header := range unsafe.Slice((*rawHeader)(unsafe.Pointer(unsafe.SliceData(raw))), length) {
		headers[i] = Header{
			Name:  room.text(header.name.at, header.name.length),
			Value: room.copyOf(header.value.at, header.value.length),
		}
	}
	return headers
}

// invoke lets the handler call the host.
func invoke(message Message) *failure {
	lastInvocation = max(lastInvocation+1, 1)
	invocation = lastInvocation
	mayCall = invocation
	failure := handleRegistered(message)
	// A goroutine that was left behind may be in a call.
	calls.Lock()
	invocation, mayCall = 0, 0
	calls.Unlock()
	return failure
}

func answerOf(failed *failure) unsafe.Pointer {
	if failed == nil {
		result, failureText = [4]uint32{}, ""
		return unsafe.Pointer(&result)
	}
	// The host takes UTF-8 only, and whatever a program says is to be heard.
	failureText = strings.ToValidUTF8(failed.text, "\uFFFD")
	text := spanOf(failureText)
	result = [4]uint32{1, 0, text.at, text.length}
	if failed.reject {
		result[1] = 1
	}
	return unsafe.Pointer(&result)
}
