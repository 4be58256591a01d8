package oncegate_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"oncegate.dev/sdk"
	"oncegate.dev/sdk/oncegatetest"
)

// deliver hands one message to a handler that does this.
func deliver(handle func() error) oncegatetest.Delivery {
	return oncegatetest.New().Deliver(func(oncegate.Message) error { return handle() }, oncegatetest.Message(""))
}

func TestEachRefusalHasItsTextAndItsEnd(t *testing.T) {
	for expected, err := range map[string]error{
		"reject: invalid key: it is empty":                                           &oncegate.Refusal{Kind: oncegate.InvalidKey, Reason: "it is empty"},
		"reject: commit of a key that this invocation has not claimed":               &oncegate.Refusal{Kind: oncegate.NotClaimed},
		"reject: the key was committed with another payload":                         &oncegate.Refusal{Kind: oncegate.Mismatch},
		"reject: the key was given up earlier: first reason":                         &oncegate.Refusal{Kind: oncegate.Dead, Reason: "first reason"},
		"reject: more than 8 keys in one invocation":                                 &oncegate.Refusal{Kind: oncegate.TooManyKeys, Limit: 8},
		"reject: receipt of more than 9 bytes":                                       &oncegate.Refusal{Kind: oncegate.ReceiptTooLarge, Limit: 9},
		"retry: store unavailable: down":                                             &oncegate.Refusal{Kind: oncegate.Unavailable, Reason: "down"},
		"reject: output refused: this handler may not write to that topic":           &oncegate.OutputRefusal{Kind: oncegate.TopicNotAllowed},
		"reject: output refused: the topic is empty":                                 &oncegate.OutputRefusal{Kind: oncegate.InvalidOutput, Reason: "the topic is empty"},
		"reject: output refused: more than 7 in one invocation":                      &oncegate.OutputRefusal{Kind: oncegate.TooManyOutputs, Limit: 7},
		"reject: output refused: more than 6 bytes in one invocation":                &oncegate.OutputRefusal{Kind: oncegate.OutputTooLarge, Limit: 6},
		"reject: charging: output refused: this handler may not write to that topic": fmt.Errorf("charging: %w", &oncegate.OutputRefusal{Kind: oncegate.TopicNotAllowed}),
		"retry: later":                          oncegate.Retry("later"),
		"reject: never":                         oncegate.Reject("never"),
		"reject: no order: never":               fmt.Errorf("no order: %w", oncegate.Reject("never")),
		"reject: it is gone: store unavailable": oncegate.Rejectf("it is gone: %w", errors.New("store unavailable")),
		"retry: again: never":                   oncegate.Retryf("again: %w", oncegate.Reject("never")),
		"retry: EOF":                            io.EOF,
	} {
		if got := deliver(func() error { return err }); got.String() != expected {
			t.Errorf("%v, not %s", got, expected)
		}
	}
}

func TestWhatWasWrappedIsFound(t *testing.T) {
	if err := oncegate.Rejectf("reading: %w", io.ErrUnexpectedEOF); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
	if err := oncegate.Retryf("reading: %w", io.ErrUnexpectedEOF); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
	var reject *oncegate.RejectError
	if err := fmt.Errorf("around: %w", oncegate.Reject("no")); !errors.As(err, &reject) || reject.Error() != "no" {
		t.Error(err)
	}
}

func TestAnErrorOfAnotherPackageIsLoggedWithItsType(t *testing.T) {
	got := deliver(func() error { return io.EOF })
	expected := oncegatetest.Line{Level: oncegate.LevelError, Text: "the handler failed: EOF (*errors.errorString)"}
	if len(got.Log) != 1 || got.Log[0] != expected {
		t.Error(got.Log)
	}
	if got := deliver(func() error { return oncegate.Reject("no") }); len(got.Log) != 0 {
		t.Error(got.Log)
	}
}

func TestAPanicIsARetryAndItsPlaceIsLogged(t *testing.T) {
	var none *oncegate.Message
	for expected, panics := range map[string]func() error{
		"panic: out of paper": func() error { panic("out of paper") },
		"panic: EOF":          func() error { panic(io.EOF) },
		"panic: runtime error: invalid memory address or nil pointer dereference": func() error { return errors.New(none.ID) },
		"panic: runtime error: index out of range [0] with length 0":              func() error { return []error{}[len(t.Name())*0] },
	} {
		got := deliver(panics)
		if got.End != oncegatetest.Retry || got.Reason != expected {
			t.Errorf("%v, not %s", got, expected)
		}
		if len(got.Log) != 1 || got.Log[0].Level != oncegate.LevelError {
			t.Fatal(got.Log)
		}
		line := got.Log[0].Text
		if !strings.HasPrefix(line, expected+", in oncegate.dev/sdk_test.") || !strings.Contains(line, "(failure_test.go:") {
			t.Error(line)
		}
	}
}
