package main

import (
	"bytes"

	"oncegate.dev/sdk"
)

// payment is what comes in. Its members must be there, once each, and of the right type; others are ignored, so that a
// producer may add some.
type payment struct {
	// The payment's own id, the same in every delivery of it; not empty.
	id string
	// Who pays; not empty.
	account string
	// How much, in hundredths of the currency: a whole number above zero. A refund is another event.
	amountCents uint64
	// Three letters (ISO 4217), passed on as they are.
	currency string
}

// paymentOf reads the payment from a message's payload, or rejects the delivery with the reason.
func paymentOf(message oncegate.Message) (payment, error) {
	if !bytes.HasPrefix(bytes.TrimLeft(message.Payload, " \t\r\n"), []byte("{")) {
		return payment{}, oncegate.Reject("payload: not a JSON object")
	}
	var object object
	if err := message.JSON(&object); err != nil {
		return payment{}, err
	}
	payment := payment{
		id:          object.text("payment_id"),
		account:     object.text("account"),
		amountCents: object.amount("amount_cents"),
		currency:    object.text("currency"),
	}
	if object.err != nil {
		return payment, oncegate.Rejectf("payload: %w", object.err)
	}
	if fault := payment.fault(); fault != "" {
		return payment, oncegate.Reject(fault)
	}
	return payment, nil
}

// fault is what is wrong with the values, if anything is.
func (p payment) fault() string {
	switch {
	case p.id == "":
		return "payment_id is empty"
	case p.account == "":
		return "account is empty"
	case p.amountCents == 0:
		return "amount_cents is zero"
	case !threeLetters(p.currency):
		return "currency is not three letters"
	}
	return ""
}

func threeLetters(text string) bool {
	for _, letter := range []byte(text) {
		if lower := letter | 0x20; lower < 'a' || lower > 'z' {
			return false
		}
	}
	return len(text) == 3
}
