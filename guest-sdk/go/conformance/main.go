// The driver of the conformance cases: a small interpreter, the same in each language. A message's payload is a list of
// steps, and what each of them gave is emitted at the end. tests/conformance/README.md says what the steps are.
package main

import (
	"errors"
	"runtime"

	"oncegate.dev/sdk"
)

func main() { oncegate.Handle(handle) }

func handle(message oncegate.Message) error {
	var steps []step
	if _, ok := message.Header("echo"); ok {
		steps = []step{{"message": nil}}
	} else if err := message.JSON(&steps); err != nil {
		return err
	}
	run := run{message: message, results: []any{}}
	if err := run.all(steps); err != nil && !errors.Is(err, errReturn) {
		return err
	}
	runtime.KeepAlive(run.held)
	if how, ok := message.Header("results"); ok && string(how) == "reason" {
		return oncegate.Reject(ascii(run.results))
	}
	return oncegate.EmitJSON("results", run.results)
}

// errReturn is how a step ends the handler with success, from wherever it stands.
var errReturn = errors.New("return")
