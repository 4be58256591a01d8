// Package oncegatetest is a small host in memory, so that a handler's own tests run with go test, without a component.
//
//	func TestAnOrderIsSentOnce(t *testing.T) {
//		host := oncegatetest.New()
//		for range 2 {
//			got := host.Deliver(handle, oncegatetest.Message(`{"order_id":"7","item":"lamp"}`))
//			if got.End != oncegatetest.Applied {
//				t.Fatal(got)
//			}
//		}
//		if outputs := host.Outputs(); len(outputs) != 1 {
//			t.Fatal(outputs)
//		}
//	}
//
// Its rules are those of the real host: what an invocation staged is applied together or not at all, an output needs the
// commit of its key, the payload tells a duplicate from a mismatch, a dead letter leaves the keys that it claimed dead, and
// the limits are the real ones' defaults. It has no leases and no windows; [Host.PlantInFlight] and its neighbours put a
// store into any state.
//
// Deliveries take turns, of all hosts in the process: tests may run in parallel, and a handler cannot deliver.
package oncegatetest
