package oncegate

import (
	"bytes"
	"encoding/json"
	"time"
	"unicode/utf8"
)

// Message is one delivery of a message. The same message may be delivered again, here or on another host.
type Message struct {
	// ID is the source's own identifier. It changes when a producer sends the same event again, so it is not a business
	// key.
	ID string
	// Topic is what the message was read from.
	Topic string
	// Key is the producer's message key, by which brokers choose a partition; nil if it set none.
	Key *string
	// Headers are the producer's, in order; names may repeat.
	Headers []Header
	// Payload is the payload's exact bytes.
	Payload []byte
	// Attempt says which delivery of this message this is, as far as the source can tell: 1 for the first one.
	Attempt uint32
	// PublishedMS is when the message was published, in milliseconds since 1970-01-01 UTC; nil if the source does not
	// say.
	PublishedMS *uint64
}

// Header is one header of a message.
type Header struct {
	// Name is as the producer wrote it. Names that begin with oncegate- are the host's own.
	Name string
	// Value is any bytes. Most producers write UTF-8; nothing guarantees it.
	Value []byte
}

// JSON reads the payload into what value points to. Its error is a [RejectError]: a payload that is not what the handler
// reads will not become so by being delivered again. Text that is not UTF-8 is an error, and not replaced: two names that
// differ only there would become one. Lists and objects may be nested 1000 deep: reading them takes a call each, and what
// exceeds a component's stack cannot be caught.
func (m Message) JSON(value any) error {
	if !utf8.Valid(m.Payload) {
		return Rejectf("payload: not UTF-8 at byte %d", validBytes(m.Payload))
	}
	if isTooDeep(m.Payload) {
		return Rejectf("payload: nested more than %d deep", deepestJSON)
	}
	if err := json.Unmarshal(m.Payload, value); err != nil {
		return Rejectf("payload: %w", err)
	}
	return nil
}

// validBytes is how many bytes of the text are UTF-8 before the first that is not.
func validBytes(text []byte) int {
	valid := 0
	for valid < len(text) {
		r, size := utf8.DecodeRune(text[valid:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		valid += size
	}
	return valid
}

const deepestJSON = 1000

// isTooDeep says whether more lists and objects than that are open at once somewhere.
func isTooDeep(text []byte) bool {
	if bytes.Count(text, []byte("["))+bytes.Count(text, []byte("{")) <= deepestJSON {
		return false
	}
	depth, inString := 0, false
	for at := 0; at < len(text); at++ {
		switch c := text[at]; {
		case inString && c == '\\':
			at++
		case c == '"':
			inString = !inString
		case inString:
		case c == '[' || c == '{':
			if depth++; depth > deepestJSON {
				return true
			}
		case c == ']' || c == '}':
			depth--
		}
	}
	return false
}

// Text is the payload as text. It may hold any bytes, as a string of Go may.
func (m Message) Text() string {
	return string(m.Payload)
}

// Header is the value of the first header of that name, compared exactly, and whether there is one.
func (m Message) Header(name string) ([]byte, bool) {
	for _, header := range m.Headers {
		if header.Name == name {
			return header.Value, true
		}
	}
	return nil, false
}

// Published is when the message was published, and whether the source says so.
func (m Message) Published() (time.Time, bool) {
	if m.PublishedMS == nil {
		return time.Time{}, false
	}
	seconds, rest := *m.PublishedMS/1000, *m.PublishedMS%1000
	return time.Unix(int64(seconds), int64(rest)*int64(time.Millisecond)).UTC(), true
}
