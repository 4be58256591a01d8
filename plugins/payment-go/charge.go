package main

// charge is what goes out: what a payment causes.
type charge struct {
	// ID is derived from the payment's id and nothing else, so whoever computes it again gets the same, and two payments
	// never share one.
	ID string `json:"charge_id"`
	// PaymentID is the payment that caused it.
	PaymentID string `json:"payment_id"`
	// Account is who pays.
	Account string `json:"account"`
	// AmountCents is how much, in hundredths of the currency.
	AmountCents uint64 `json:"amount_cents"`
	// Currency is as the payment had it.
	Currency string `json:"currency"`
}

func chargeOf(payment payment) charge {
	return charge{"ch_" + payment.id, payment.id, payment.account, payment.amountCents, payment.currency}
}
