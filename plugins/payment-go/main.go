// The worked example: each payment is charged once, however often it is delivered.
package main

import "oncegate.dev/sdk"

func main() { oncegate.Handle(handle) }

// The key is the payment's own id: the message id changes when a producer sends the payment again.
func handle(message oncegate.Message) error {
	payment, err := paymentOf(message)
	if err != nil {
		return err
	}
	_, err = oncegate.Once(payment.id, func() ([]byte, error) {
		charge := chargeOf(payment)
		return []byte(charge.ID), oncegate.EmitJSON("charges", charge, oncegate.WithKey(payment.id))
	})
	return err
}
