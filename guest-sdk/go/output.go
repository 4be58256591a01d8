package oncegate

import "unicode/utf8"

// OutputOption adds to an output what not every output has.
type OutputOption func(*output)

type output struct {
	topic   string
	key     *string
	headers []Header
	payload []byte
}

// WithKey sets the output's message key, by which brokers choose a partition.
func WithKey(key string) OutputOption {
	return func(o *output) { o.key = &key }
}

// WithHeader adds one header. Names may repeat; those that begin with oncegate- are the host's own and refused.
func WithHeader[Value ~string | ~[]byte](name string, value Value) OutputOption {
	return func(o *output) { o.headers = append(o.headers, Header{name, []byte(value)}) }
}

// Emit stages one output to a topic, which the operator must have allowed. An error is an [*OutputRefusal].
//
// It is applied when the handler returns nil, and belongs to the key that was most recently new: without that key's
// commit the host does not apply it. Inside [Once] that is so by itself.
func Emit(topic string, payload []byte, options ...OutputOption) error {
	output := output{topic: topic, payload: payload}
	for _, option := range options {
		option(&output)
	}
	if err := output.check(); err != nil {
		return err
	}
	return hostEmit(&output)
}

// check refuses what the contract cannot carry.
func (o *output) check() error {
	names := []struct{ what, name string }{{"topic", o.topic}}
	if o.key != nil {
		names = append(names, struct{ what, name string }{"key", *o.key})
	}
	for _, header := range o.headers {
		names = append(names, struct{ what, name string }{"header name", header.Name})
	}
	for _, each := range names {
		if !utf8.ValidString(each.name) {
			return &OutputRefusal{Kind: InvalidOutput, Reason: "the " + each.what + " is not UTF-8"}
		}
	}
	return nil
}

// EmitJSON is [Emit] with a value as JSON: compact, and no character escaped that need not be. A value that cannot be
// written is a [*RejectError].
func EmitJSON(topic string, value any, options ...OutputOption) error {
	payload, err := marshal(value)
	if err != nil {
		return Rejectf("JSON: %w", err)
	}
	return Emit(topic, payload, options...)
}
