package oncegate_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"oncegate.dev/sdk"
	"oncegate.dev/sdk/oncegatetest"
)

func TestJSONThatIsNotWhatWasAskedForIsRejected(t *testing.T) {
	for payload, expected := range map[string]string{
		`{"a":1`:        "payload: unexpected end of JSON input",
		`{"a":1} x`:     "payload: invalid character 'x' after top-level value",
		`{"a":"1"}`:     "payload: json: cannot unmarshal string into Go struct field .A of type int",
		"{\"é\xff\":1}": "payload: not UTF-8 at byte 4",
	} {
		var value struct{ A int }
		err := oncegatetest.Message(payload).JSON(&value)
		var reject *oncegate.RejectError
		if !errors.As(err, &reject) {
			t.Errorf("%s: %v", payload, err)
		} else if reject.Error() != expected {
			t.Errorf("%s: %s, not %s", payload, reject, expected)
		}
	}
}

func TestJSONMayBeNestedAThousandDeep(t *testing.T) {
	nested := func(depth int) string {
		return strings.Repeat(`[{"a\"[":`, depth/2) + "[[]," + `"[[{"]` + strings.Repeat("}]", depth/2)
	}
	for depth, expected := range map[int]string{
		998:  "<nil>",
		1000: "payload: nested more than 1000 deep",
		9998: "payload: nested more than 1000 deep",
	} {
		var value any
		if got := fmt.Sprint(oncegatetest.Message(nested(depth)).JSON(&value)); got != expected {
			t.Errorf("%d: %s, not %s", depth+2, got, expected)
		}
	}
	var value []any
	if err := oncegatetest.Message("[" + strings.Repeat("[],{},", 2000) + "0]").JSON(&value); err != nil {
		t.Error(err)
	}
}

func TestTheFirstHeaderOfANameIsFound(t *testing.T) {
	message := oncegatetest.Message("")
	message.Headers = []oncegate.Header{{Name: "trace", Value: []byte("1")}, {Name: "trace", Value: []byte("2")}}
	if value, ok := message.Header("trace"); !ok || string(value) != "1" {
		t.Errorf("%q", value)
	}
	if _, ok := message.Header("Trace"); ok {
		t.Error("names are compared exactly")
	}
}

func TestATimeIsInUTCAndToTheMillisecond(t *testing.T) {
	message := oncegatetest.Message("")
	if _, ok := message.Published(); ok {
		t.Error("the source says nothing")
	}
	published := uint64(1_700_000_000_123)
	message.PublishedMS = &published
	if at, ok := message.Published(); !ok || at.Format(time.RFC3339Nano) != "2023-11-14T22:13:20.123Z" {
		t.Error(at)
	}
}
