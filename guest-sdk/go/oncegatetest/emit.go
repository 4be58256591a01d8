package oncegatetest

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"oncegate.dev/sdk"
)

// Emit is the contract's function.
func (i *invocation) Emit(topic string, key *string, headers []oncegate.Header, payload []byte) error {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	limits := &i.host.Limits
	if reason := checkNames(topic, key, headers, limits); reason != "" {
		return &oncegate.OutputRefusal{Kind: oncegate.InvalidOutput, Reason: reason}
	}
	if topics := i.host.Topics; topics != nil && !slices.Contains(topics, topic) {
		return &oncegate.OutputRefusal{Kind: oncegate.TopicNotAllowed}
	}
	if len(i.outputs) >= int(limits.Outputs) {
		return &oncegate.OutputRefusal{Kind: oncegate.TooManyOutputs, Limit: limits.Outputs}
	}
	output := Output{Topic: topic, Payload: append([]byte{}, payload...)}
	size := len(topic) + len(payload)
	if key != nil {
		own := *key
		output.Key = &own
		size += len(own)
	}
	for _, header := range headers {
		output.Headers = append(output.Headers, oncegate.Header{Name: header.Name, Value: append([]byte{}, header.Value...)})
		size += len(header.Name) + len(header.Value)
	}
	if i.bytes+size > int(limits.OutputBytes) {
		return &oncegate.OutputRefusal{Kind: oncegate.OutputTooLarge, Limit: limits.OutputBytes}
	}
	i.bytes += size
	i.outputs = append(i.outputs, staged{output, i.lastNew})
	return nil
}

// checkNames says what is wrong with an output's names, if anything is.
func checkNames(topic string, key *string, headers []oncegate.Header, limits *Limits) string {
	if reason := checkName("topic", topic, limits); reason != "" {
		return reason
	}
	if key != nil {
		if reason := checkLength("key", *key, limits); reason != "" {
			return reason
		}
	}
	if len(headers) > limits.OutputHeaders {
		return fmt.Sprintf("%d headers, and %d are allowed", len(headers), limits.OutputHeaders)
	}
	for _, header := range headers {
		if reason := checkName("header name", header.Name, limits); reason != "" {
			return reason
		}
		const reserved = "oncegate-"
		if len(header.Name) >= len(reserved) && strings.EqualFold(header.Name[:len(reserved)], reserved) {
			return "header names that begin with oncegate- are the host's"
		}
	}
	return ""
}

func checkName(what, name string, limits *Limits) string {
	if name == "" {
		return "the " + what + " is empty"
	}
	if reason := checkLength(what, name, limits); reason != "" {
		return reason
	}
	if strings.ContainsFunc(name, unicode.IsControl) {
		return "the " + what + " holds control characters"
	}
	return ""
}

func checkLength(what, name string, limits *Limits) string {
	if limit := limits.OutputNameBytes; len(name) > limit {
		return fmt.Sprintf("the %s has %d bytes, and %d are allowed", what, len(name), limit)
	}
	return ""
}
