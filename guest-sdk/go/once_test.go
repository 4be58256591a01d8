package oncegate_test

import (
	"errors"
	"testing"

	"oncegate.dev/sdk"
	"oncegate.dev/sdk/oncegatetest"
)

func charge(message oncegate.Message) error {
	var key string
	if err := message.JSON(&key); err != nil {
		return err
	}
	passage, err := oncegate.Once(key, func() ([]byte, error) {
		return []byte("ch_" + key), oncegate.Emit("charges", message.Payload)
	})
	if err == nil && string(passage.Receipt) != "ch_"+key {
		return errors.New("another receipt")
	}
	return err
}

func TestWorkIsDoneOnceAndEveryDeliveryGetsTheReceipt(t *testing.T) {
	host := oncegatetest.New()
	for range 3 {
		if got := host.Deliver(charge, oncegatetest.Message(`"p1"`)); got.End != oncegatetest.Applied {
			t.Fatal(got)
		}
	}
	if len(host.Outputs()) != 1 || string(host.Receipt("p1")) != "ch_p1" {
		t.Error(host.Outputs())
	}
}

func TestWorkThatFailsCommitsNothingAndMaySucceedLater(t *testing.T) {
	host := oncegatetest.New()
	worked := oncegate.Retry("not now")
	handle := func(oncegate.Message) error {
		passage, err := oncegate.Once("k", func() ([]byte, error) { return nil, worked })
		if err == nil && (!passage.First || passage.Receipt != nil) {
			t.Error(passage)
		}
		return err
	}
	if got := host.Deliver(handle, oncegatetest.Message("")); got.String() != "retry: not now" || host.IsCommitted("k") {
		t.Error(got)
	}
	worked = nil
	if got := host.Deliver(handle, oncegatetest.Message("")); got.End != oncegatetest.Applied || !host.IsCommitted("k") {
		t.Error(got)
	}
}

func TestAKeyInFlightOrAStoreThatIsDownDefersTheDelivery(t *testing.T) {
	host := oncegatetest.New()
	host.PlantInFlight("p1", 40)
	var failed error
	handle := func(message oncegate.Message) error {
		failed = charge(message)
		return failed
	}
	got := host.Deliver(handle, oncegatetest.Message(`"p1"`))
	if got.End != oncegatetest.Deferred || failed.Error() != "key in flight elsewhere, for at most 40 ms more" {
		t.Error(got, failed)
	}
	host.SetStoreDown(true)
	got = host.Deliver(handle, oncegatetest.Message(`"p2"`))
	if got.End != oncegatetest.Deferred || failed.Error() != "store unavailable: the store did not answer" {
		t.Error(got, failed)
	}
	host.SetStoreDown(false)
	host.Forget("p1")
	if got := host.Deliver(handle, oncegatetest.Message(`"p1"`)); got.End != oncegatetest.Applied {
		t.Error(got)
	}
}

func TestOutsideOfADeliveryNothingWorksAndNothingPanics(t *testing.T) {
	var refusal *oncegate.Refusal
	if _, err := oncegate.Seen("k"); !errors.As(err, &refusal) || refusal.Kind != oncegate.Unavailable {
		t.Error(err)
	}
	if err := oncegate.Emit("t", nil); err == nil {
		t.Error("emitted")
	}
	if _, ok := oncegate.Config("c"); ok {
		t.Error("configured")
	}
}
