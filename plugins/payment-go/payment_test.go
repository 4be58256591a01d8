package main

import (
	"errors"
	"math"
	"strings"
	"testing"

	"oncegate.dev/sdk"
	"oncegate.dev/sdk/oncegatetest"
)

func TestUnknownMembersAreIgnoredAndEscapesAreRead(t *testing.T) {
	const payload = " {\"note\":{\"a\":[1]},\"note\":\"\\ud800\",\"payment_id\":\"p\\u0031\",\"account\":\"\u00fc\"," +
		"\"currency\":\"usd\",\"amount_cents\":18446744073709551615}"
	got, err := paymentOf(oncegatetest.Message(payload))
	if expected := (payment{"p1", "\u00fc", math.MaxUint64, "usd"}); err != nil || got != expected {
		t.Errorf("%v, %v", got, err)
	}
}

func TestMembersMayStandInAnyWay(t *testing.T) {
	for _, payload := range []string{
		`{"payment_id":"p","account":"a","amount_cents":5,"currency":"EUR"}`,
		"\r\n{ \"currency\"\t:\n\"EUR\" , \"amount_cents\" : 5\n,\"account\":\"a\",\"payment_id\":\"p\" } ",
		`{"amount_cents":5,"":[{"payment_id":"]}"},"\"",1e9],"x\"":{"a":{}},"y":-0.5,"payment_id":"p","z":[],"account":"a","w":null ,"currency":"EUR"}`,
		`{"pa\u0079ment_id":"\u0070","account":"a","amount_cents":5,"currency":"EUR","t":true}`,
	} {
		got, err := paymentOf(oncegatetest.Message(payload))
		if expected := (payment{"p", "a", 5, "EUR"}); err != nil || got != expected {
			t.Errorf("%s: %v, %v", payload, got, err)
		}
	}
}

func TestEachWrongPayloadIsRejectedWithItsReason(t *testing.T) {
	for payload, expected := range map[string]string{
		``:                          "not a JSON object",
		`["p","a",5,"EUR"]`:         "not a JSON object",
		`{"payment_id":"p"`:         "unexpected end of JSON input",
		`{} {}`:                     "after top-level value",
		`{}`:                        "payment_id: missing",
		"{\"payment_id\":\"\xff\"}": "not UTF-8",
		`{"payment_id":"p","account":"a","currency":"EUR"}`:                           "amount_cents: missing",
		`{"PAYMENT_ID":"p","account":"a","amount_cents":5,"currency":"EUR"}`:          "payment_id: missing",
		`{"payment_id":7,"account":"a","amount_cents":5,"currency":"EUR"}`:            "payment_id: not a string",
		`{"payment_id":null,"account":"a","amount_cents":5,"currency":"EUR"}`:         "payment_id: not a string",
		`{"payment_id":"p","payment_id":"q"}`:                                         "payment_id: there more than once",
		`{"payment_id":"\ud800","account":"a","amount_cents":5,"currency":"EUR"}`:     "half a character",
		`{"payment_id":"\udc00\ud800","account":"a","amount_cents":5,"currency":"E"}`: "half a character",
		`{"payment_id":"\ud800x\udc00","account":"a","amount_cents":5}`:               "half a character",
		`{"payment_id":"p","account":"a","amount_cents":5,"currency":"EUR"} x`:        "after top-level value",
		`{"payment_id":"p","account":"a","amount_cents":"5","currency":"EUR"}`:        "amount_cents: not a whole number",
		`{"payment_id":"p","account":"a","amount_cents":5.0,"currency":"EUR"}`:        "amount_cents: not a whole number",
		`{"payment_id":"p","account":"a","amount_cents":-5,"currency":"EUR"}`:         "amount_cents: not a whole number",
		`{"payment_id":"p","account":"a","amount_cents":5e1,"currency":"EUR"}`:        "amount_cents: not a whole number",
		`{"payment_id":"p","account":"a","amount_cents":null,"currency":"EUR"}`:       "amount_cents: not a whole number",
		`{"payment_id":"p","account":"a","amount_cents":18446744073709551616}`:        "amount_cents: not a whole number",
		`{"payment_id":"p","account":"a","amount_cents":0,"currency":"EUR"}`:          "amount_cents is zero",
		`{"payment_id":"","account":"a","amount_cents":5,"currency":"EUR"}`:           "payment_id is empty",
		`{"payment_id":"p","account":"","amount_cents":5,"currency":"EUR"}`:           "account is empty",
		`{"payment_id":"p","account":"a","amount_cents":5,"currency":"EURO"}`:         "three letters",
		`{"payment_id":"p","account":"a","amount_cents":5,"currency":"€"}`:            "three letters",
		`{"payment_id":"p","account":"a","amount_cents":5,"currency":"E@R"}`:          "three letters",
	} {
		got, err := paymentOf(oncegatetest.Message(payload))
		var reject *oncegate.RejectError
		if !errors.As(err, &reject) || !strings.Contains(err.Error(), expected) {
			t.Errorf("%s: %v, %v, not %s", payload, got, err, expected)
		}
	}
}
