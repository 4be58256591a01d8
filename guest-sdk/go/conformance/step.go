package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"oncegate.dev/sdk"
)

// step is an object with one member, whose name is what to do.
type step map[string]json.RawMessage

// run is one message's.
type run struct {
	message oncegate.Message
	results []any
	// What was allocated, to the end.
	held [][]byte
}

type emission struct {
	Topic   text     `json:"topic"`
	Key     *text    `json:"key"`
	Headers []header `json:"headers"`
	Payload binary   `json:"payload"`
}

type onceStep struct {
	Key     text    `json:"key"`
	Receipt *binary `json:"receipt"`
	Steps   []step  `json:"steps"`
}

func (r *run) all(steps []step) error {
	for _, step := range steps {
		result, err := r.one(step)
		if refused, ok := refusalOf(err); ok && step["once"] == nil && step["must"] == nil {
			result = map[string]any{"refused": refused}
		} else if err != nil {
			return err
		}
		r.results = append(r.results, result)
	}
	return nil
}

func (r *run) one(step step) (any, error) {
	for name, argument := range step {
		do, ok := steps()[name]
		if !ok {
			return nil, oncegate.Rejectf("no step: %s", name)
		}
		return do(r, argument)
	}
	return nil, oncegate.Reject("an empty step")
}

// steps are all that there are. A function, since some of them run others.
func steps() map[string]func(*run, json.RawMessage) (any, error) {
	return map[string]func(*run, json.RawMessage) (any, error){
		"seen":        seen,
		"commit":      commit,
		"commit-with": commitWith,
		"emit":        emit,
		"log":         log,
		"config":      config,
		"message":     message,
		"once":        once,
		"must":        must,
		"return":      func(*run, json.RawMessage) (any, error) { return nil, errReturn },
		"retry":       failing(oncegate.Retry),
		"reject":      failing(oncegate.Reject),
		"throw":       failing(errors.New),
		"panic":       failing(func(text string) error { panic(text) }),
		"allocate":    allocate,
	}
}

// read reads a step's argument.
func read[T any](argument json.RawMessage) (T, error) {
	var value T
	if err := json.Unmarshal(argument, &value); err != nil {
		return value, oncegate.Rejectf("payload: %w", err)
	}
	return value, nil
}

func seen(_ *run, argument json.RawMessage) (any, error) {
	key, err := read[text](argument)
	if err != nil {
		return nil, err
	}
	sighting, err := oncegate.Seen(string(key))
	switch {
	case err != nil:
		return nil, err
	case sighting.Kind == oncegate.SeenDuplicate:
		return map[string]any{"duplicate": shown(sighting.Receipt)}, nil
	case sighting.Kind == oncegate.SeenInFlight:
		return map[string]any{"in-flight": strconv.FormatUint(sighting.LeftMS, 10)}, nil
	}
	return "new", nil
}

func commit(_ *run, argument json.RawMessage) (any, error) {
	key, err := read[text](argument)
	if err != nil {
		return nil, err
	}
	return "ok", oncegate.Commit(string(key))
}

func commitWith(_ *run, argument json.RawMessage) (any, error) {
	pair, err := read[[2]json.RawMessage](argument)
	if err != nil {
		return nil, err
	}
	key, err := read[text](pair[0])
	if err != nil {
		return nil, err
	}
	receipt, err := read[binary](pair[1])
	if err != nil {
		return nil, err
	}
	return "ok", oncegate.CommitWith(string(key), receipt)
}

func emit(_ *run, argument json.RawMessage) (any, error) {
	what, err := read[emission](argument)
	if err != nil {
		return nil, err
	}
	var options []oncegate.OutputOption
	if what.Key != nil {
		options = append(options, oncegate.WithKey(string(*what.Key)))
	}
	for _, header := range what.Headers {
		options = append(options, oncegate.WithHeader(string(header.name), header.value))
	}
	return "ok", oncegate.Emit(string(what.Topic), what.Payload, options...)
}

func log(_ *run, argument json.RawMessage) (any, error) {
	pair, err := read[[2]text](argument)
	if err != nil {
		return nil, err
	}
	for level := oncegate.LevelTrace; level <= oncegate.LevelError; level++ {
		if level.String() == string(pair[0]) {
			oncegate.Log(level, string(pair[1]))
			return "ok", nil
		}
	}
	return nil, oncegate.Rejectf("no level: %s", pair[0])
}

func config(_ *run, argument json.RawMessage) (any, error) {
	name, err := read[text](argument)
	if err != nil {
		return nil, err
	}
	if value, ok := oncegate.Config(string(name)); ok {
		return value, nil
	}
	return nil, nil
}

func message(r *run, _ json.RawMessage) (any, error) { return shownMessage(r.message), nil }

func once(r *run, argument json.RawMessage) (any, error) {
	what, err := read[onceStep](argument)
	if err != nil {
		return nil, err
	}
	passage, err := oncegate.Once(string(what.Key), func() ([]byte, error) {
		if err := r.all(what.Steps); err != nil || what.Receipt == nil {
			return nil, err
		}
		return *what.Receipt, nil
	})
	if err != nil {
		return nil, err
	}
	if passage.First {
		return map[string]any{"first": shown(passage.Receipt)}, nil
	}
	return map[string]any{"duplicate": shown(passage.Receipt)}, nil
}

func must(r *run, argument json.RawMessage) (any, error) {
	inner, err := read[step](argument)
	if err != nil {
		return nil, err
	}
	return r.one(inner)
}

func failing(fail func(string) error) func(*run, json.RawMessage) (any, error) {
	return func(_ *run, argument json.RawMessage) (any, error) {
		reason, err := read[text](argument)
		if err != nil {
			return nil, err
		}
		return nil, fail(string(reason))
	}
}

func allocate(r *run, argument json.RawMessage) (any, error) {
	rest, err := read[int](argument)
	if err != nil {
		return nil, err
	}
	for rest > 0 {
		piece := make([]byte, min(rest, 1<<20))
		for i := range piece {
			piece[i] = byte(i)
		}
		r.held = append(r.held, piece)
		rest -= len(piece)
	}
	return "ok", nil
}

// refusalOf is a refusal as the results show it.
func refusalOf(err error) (any, bool) {
	var refusal *oncegate.Refusal
	var output *oncegate.OutputRefusal
	switch {
	case errors.As(err, &refusal):
		return withField(string(refusal.Kind), refusal.Reason, refusal.Limit), true
	case errors.As(err, &output):
		return withField(string(output.Kind), output.Reason, output.Limit), true
	}
	return nil, false
}

func withField(kind, reason string, limit uint32) any {
	switch kind {
	case "invalid-key", "dead", "unavailable", "invalid":
		return map[string]any{kind: reason}
	case "too-many-keys", "receipt-too-large", "too-many", "too-large":
		return map[string]any{kind: limit}
	case "not-claimed", "mismatch", "topic-not-allowed":
		return kind
	}
	panic(fmt.Sprintf("a refusal that nobody knows: %s", kind))
}
