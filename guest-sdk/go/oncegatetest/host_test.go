package oncegatetest_test

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"oncegate.dev/sdk"
	"oncegate.dev/sdk/oncegatetest"
)

var anything = oncegatetest.Message("")

func TestAnOutputNeedsTheCommitOfTheKeyBeforeIt(t *testing.T) {
	host := oncegatetest.New()
	wrong := func(oncegate.Message) error {
		if _, err := oncegate.Seen("k1"); err != nil {
			return err
		}
		if err := oncegate.Emit("t", []byte("for k1")); err != nil {
			return err
		}
		if _, err := oncegate.Seen("k2"); err != nil {
			return err
		}
		return oncegate.Commit("k2")
	}
	got := host.Deliver(wrong, anything)
	if got.End != oncegatetest.EffectWithoutCommit || len(got.Staged) != 1 {
		t.Error(got, got.Staged)
	}
	if len(host.Outputs()) != 0 || host.IsCommitted("k2") {
		t.Error("applied")
	}
	got = host.Deliver(wrong, anything)
	if got.String() != "dead: the key was given up earlier: effect without commit: output 1 to topic t: its key was not committed" {
		t.Error(got)
	}
	host = oncegatetest.New()
	host.FreeOutputs = true
	if got := host.Deliver(wrong, anything); got.End != oncegatetest.Applied || len(host.Outputs()) != 1 {
		t.Error(got)
	}
}

func TestWhatAFailedInvocationLoggedStaysAndWhatItStagedDoesNot(t *testing.T) {
	host := oncegatetest.New()
	host.SetConfig("greeting", "hello")
	got := host.Deliver(func(oncegate.Message) error {
		if _, err := oncegate.Once("k", func() ([]byte, error) { return nil, nil }); err != nil {
			return err
		}
		greeting, _ := oncegate.Config("greeting")
		oncegate.Warn(greeting)
		return oncegate.Reject("no")
	}, anything)
	if got.String() != "reject: no" || host.IsCommitted("k") || got.Staged != nil {
		t.Error(got)
	}
	if log := host.Log(); len(log) != 1 || log[0] != (oncegatetest.Line{Level: oncegate.LevelWarn, Text: "hello"}) {
		t.Error(log)
	}
}

func TestWhatADeadDeliveryClaimedIsDead(t *testing.T) {
	host := oncegatetest.New()
	once := func(oncegate.Message) error {
		_, err := oncegate.Once("k", func() ([]byte, error) { return nil, nil })
		return err
	}
	got := host.Deliver(func(message oncegate.Message) error {
		return errors.Join(once(message), oncegate.Reject("no"))
	}, anything)
	if got.End != oncegatetest.Reject || host.IsCommitted("k") {
		t.Error(got)
	}
	another := anything
	another.ID = "test:1"
	for _, message := range []oncegate.Message{anything, another} {
		if got := host.Deliver(once, message); got.String() != "dead: the key was given up earlier: rejected: no" {
			t.Error(got)
		}
	}
	host.Forget("k")
	if got := host.Deliver(once, anything); got.End != oncegatetest.Applied {
		t.Error(got)
	}
}

func TestAStoreCanBePutIntoAnyState(t *testing.T) {
	host := oncegatetest.New()
	host.PlantCommitted("committed", []byte("r"))
	host.PlantCommittedBy("committed by another", nil, []byte("another payload"))
	host.PlantInFlight("in flight", 5)
	host.PlantDead("dead", "gave up")
	for key, expected := range map[string]string{
		"committed":            "applied",
		"committed by another": "mismatch: the key was committed with another payload",
		"in flight":            "deferred: key in flight elsewhere, for at most 5 ms more",
		"dead":                 "dead: the key was given up earlier: gave up",
	} {
		// Whatever the handler makes of it.
		got := host.Deliver(func(oncegate.Message) error {
			_, _ = oncegate.Seen(key)
			return nil
		}, anything)
		if got.String() != expected {
			t.Errorf("%s, not %s", got, expected)
		}
	}
	if string(host.Receipt("committed")) != "r" || host.Receipt("dead") != nil {
		t.Error("the receipts")
	}
}

func TestHostsDoNotMixAndDeliveriesTakeTurns(t *testing.T) {
	var group sync.WaitGroup
	for number := range 8 {
		group.Go(func() {
			host := oncegatetest.New()
			for round := range 50 {
				key := fmt.Sprint(number, "/", round)
				host.Deliver(func(oncegate.Message) error {
					// From a goroutine of its own, too.
					done := make(chan error)
					go func() {
						_, err := oncegate.Once(key, func() ([]byte, error) { return nil, oncegate.Emit("t", []byte(key)) })
						done <- err
					}()
					return <-done
				}, anything)
			}
			if outputs := host.Outputs(); len(outputs) != 50 || string(outputs[49].Payload) != fmt.Sprint(number, "/", 49) {
				t.Error(outputs)
			}
		})
	}
	group.Wait()
}

func TestAHandlerMayEndTheTestThatItIsIn(t *testing.T) {
	host, done := oncegatetest.New(), make(chan bool)
	go func() {
		defer close(done)
		host.Deliver(func(oncegate.Message) error {
			// As t.FailNow does.
			runtime.Goexit()
			return nil
		}, anything)
	}()
	<-done
	if got := host.Deliver(func(oncegate.Message) error { return nil }, anything); got.End != oncegatetest.Applied {
		t.Error(got)
	}
}
