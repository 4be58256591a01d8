// Package seam is where the host in memory, which package oncegatetest is, meets package oncegate, which knows nothing of
// it: each puts here what the other one needs. Neither can import the other's names without showing them to everybody.
package seam

import "sync/atomic"

// Host is the host that calls are answered by: something with the methods of package oncegate's interface host, or nil
// outside of a delivery.
var Host atomic.Value

// Holder is what Host holds, since an atomic.Value holds neither nil nor different types.
type Holder struct{ Host any }

// Run calls a handler as the host does: what it returned or panicked with, in the contract's terms. It is set by package
// oncegate; the arguments are a func(oncegate.Message) error and an oncegate.Message.
var Run func(handler, message any) (failed, reject bool, text string)
