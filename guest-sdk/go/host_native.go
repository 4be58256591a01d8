//go:build !wasip1

package oncegate

import (
	"fmt"
	"os"

	"oncegate.dev/sdk/internal/seam"
)

// host is the contract's six functions, answered by package oncegatetest. Nothing else in this package knows whether it
// runs in a component or in a test.
type host interface {
	Seen(key string) (Sighting, error)
	Commit(key string, receipt []byte, hasReceipt bool) error
	Emit(topic string, key *string, headers []Header, payload []byte) error
	Log(level Level, text string)
	Config(name string) (string, bool)
}

func init() {
	seam.Run = func(handler, message any) (failed, reject bool, text string) {
		failure := run(handler.(func(Message) error), message.(Message))
		if failure == nil {
			return false, false, ""
		}
		return true, failure.reject, failure.text
	}
}

func current() (host, bool) {
	holder, _ := seam.Host.Load().(seam.Holder)
	host, ok := holder.Host.(host)
	return host, ok
}

func hostSeen(key string) (Sighting, error) {
	if host, ok := current(); ok {
		return host.Seen(key)
	}
	return Sighting{}, errOutside()
}

func hostCommit(key string) error {
	if host, ok := current(); ok {
		return host.Commit(key, nil, false)
	}
	return errOutside()
}

func hostCommitWith(key string, receipt []byte) error {
	if host, ok := current(); ok {
		return host.Commit(key, receipt, true)
	}
	return errOutside()
}

func hostEmit(o *output) error {
	if host, ok := current(); ok {
		return host.Emit(o.topic, o.key, o.headers, o.payload)
	}
	return errOutputOutside()
}

func hostLog(level Level, text string) {
	if host, ok := current(); ok {
		host.Log(level, text)
		return
	}
	fmt.Fprintf(os.Stderr, "%s %s\n", level, text)
}

func hostConfig(name string) (string, bool) {
	if host, ok := current(); ok {
		return host.Config(name)
	}
	return "", false
}

// mainMain is for components only: natively the program has run its main by itself, and a test has none.
func mainMain() {}
