package oncegate_test

import (
	"errors"
	"testing"

	"oncegate.dev/sdk"
	"oncegate.dev/sdk/oncegatetest"
)

func TestJSONIsWrittenWithoutEscapesThatNeedNotBe(t *testing.T) {
	host := oncegatetest.New()
	host.FreeOutputs = true
	host.Deliver(func(oncegate.Message) error {
		return oncegate.EmitJSON("t", []string{"<&>", "\u2028\u2029", `\u2028`, "\"\\\n\x01", "é😀"})
	}, oncegatetest.Message(""))
	const expected = "[\"<&>\",\"\u2028\u2029\",\"\\\\u2028\",\"\\\"\\\\\\n\\u0001\",\"é😀\"]"
	if got := string(host.Outputs()[0].Payload); got != expected {
		t.Errorf("%s, not %s", got, expected)
	}
}

func TestWhatIsNoJSONIsRejected(t *testing.T) {
	got := deliver(func() error { return oncegate.EmitJSON("t", func() {}) })
	if got.String() != "reject: JSON: json: unsupported type: func()" {
		t.Error(got)
	}
}

func TestAnOutputHasTheKeyAndTheHeadersThatItWasGiven(t *testing.T) {
	host := oncegatetest.New()
	host.FreeOutputs = true
	host.Deliver(func(oncegate.Message) error {
		return oncegate.Emit("t", []byte("p"), oncegate.WithKey("k"),
			oncegate.WithHeader("text", "1"), oncegate.WithHeader("bytes", []byte{0xff}))
	}, oncegatetest.Message(""))
	output := host.Outputs()[0]
	if *output.Key != "k" || len(output.Headers) != 2 || string(output.Headers[1].Value) != "\xff" {
		t.Error(output)
	}
}

func TestWhatTheContractCannotCarryIsRefused(t *testing.T) {
	const broken = "\xff"
	deliver(func() error {
		_, err := oncegate.Seen(broken)
		for _, err := range []error{err, oncegate.Commit(broken), oncegate.CommitWith(broken, nil)} {
			var refusal *oncegate.Refusal
			if !errors.As(err, &refusal) || refusal.Error() != "invalid key: it is not UTF-8" {
				t.Error(err)
			}
		}
		for expected, err := range map[string]error{
			"the topic is not UTF-8":       oncegate.Emit(broken, nil),
			"the key is not UTF-8":         oncegate.Emit("t", nil, oncegate.WithKey(broken)),
			"the header name is not UTF-8": oncegate.Emit("t", nil, oncegate.WithHeader(broken, "")),
		} {
			var refusal *oncegate.OutputRefusal
			if !errors.As(err, &refusal) || refusal.Reason != expected {
				t.Error(err)
			}
		}
		return nil
	})
}
