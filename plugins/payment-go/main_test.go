package main

import (
	"testing"

	"oncegate.dev/sdk"
	"oncegate.dev/sdk/oncegatetest"
)

const example = `{"payment_id":"p-1","account":"a-9","amount_cents":1250,"currency":"EUR"}`

func TestAPaymentIsChargedOnceHoweverOftenItIsDelivered(t *testing.T) {
	host := oncegatetest.New()
	again := oncegatetest.Message(example)
	again.ID = "another delivery"
	for _, message := range []oncegate.Message{oncegatetest.Message(example), oncegatetest.Message(example), again} {
		if got := host.Deliver(handle, message); got.End != oncegatetest.Applied {
			t.Fatal(got)
		}
	}
	outputs := host.Outputs()
	if len(outputs) != 1 {
		t.Fatalf("one charge: %v", outputs)
	}
	charge := outputs[0]
	if charge.Topic != "charges" || charge.Key == nil || *charge.Key != "p-1" {
		t.Errorf("where it goes: %s, %v", charge.Topic, charge.Key)
	}
	const expected = `{"charge_id":"ch_p-1","payment_id":"p-1","account":"a-9","amount_cents":1250,"currency":"EUR"}`
	if string(charge.Payload) != expected {
		t.Errorf("%s", charge.Payload)
	}
	if receipt := host.Receipt("p-1"); string(receipt) != "ch_p-1" {
		t.Errorf("%q", receipt)
	}
}

func TestWhatIsNoPaymentIsRejectedBeforeAnyKeyIsNamed(t *testing.T) {
	host := oncegatetest.New()
	got := host.Deliver(handle, oncegatetest.Message("[]"))
	if got.End != oncegatetest.Reject || got.Reason != "payload: not a JSON object" {
		t.Error(got)
	}
	if len(host.Outputs()) != 0 {
		t.Error(host.Outputs())
	}
}

func TestTheOutputHoldsEveryCharacterAsItIs(t *testing.T) {
	host := oncegatetest.New()
	const payload = `{"payment_id":"<&>\u2028\\u2028\u0001\/\ud83d\ude00é","account":"a\n\"","amount_cents":18446744073709551615,"currency":"usd"}`
	if got := host.Deliver(handle, oncegatetest.Message(payload)); got.End != oncegatetest.Applied {
		t.Fatal(got)
	}
	const id = "<&>\u2028\\\\u2028\\u0001/😀é"
	const expected = `{"charge_id":"ch_` + id + `","payment_id":"` + id + `","account":"a\n\"","amount_cents":18446744073709551615,"currency":"usd"}`
	if got := string(host.Outputs()[0].Payload); got != expected {
		t.Errorf("%s, not %s", got, expected)
	}
}
