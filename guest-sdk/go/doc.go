// Package oncegate is the contract between a message handler and Oncegate, made pleasant.
//
// A handler gets a message, names the business key, and does its work if the key is new:
//
//	package main
//
//	import "oncegate.dev/sdk"
//
//	type order struct {
//		ID   string `json:"order_id"`
//		Item string `json:"item"`
//	}
//
//	func handle(message oncegate.Message) error {
//		var order order
//		if err := message.JSON(&order); err != nil {
//			return err
//		}
//		_, err := oncegate.Once(order.ID, func() ([]byte, error) {
//			return []byte("parcel-" + order.ID), oncegate.EmitJSON("parcels", order.Item, oncegate.WithKey(order.ID))
//		})
//		return err
//	}
//
//	func main() { oncegate.Handle(handle) }
//
// What a handler returns decides what becomes of the delivery: nil applies what it staged; an error of [Reject] sends
// the delivery to the dead letters; any other error, and a panic, asks for another delivery. The errors of this package
// know by themselves which of the two they are, also when they are wrapped.
//
// A handler may use goroutines, and must not leave any behind: what they do after the handler has returned is refused, or
// counted to another message. There are clocks, random numbers, standard output and standard error (lines of the log), but
// no files, environment, arguments or network.
package oncegate
