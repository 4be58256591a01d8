package oncegate

import (
	"fmt"
	"path"
	"runtime"
	"strings"
)

var handler func(Message) error

// Handle makes a function this program's handler. Call it once, in main or in an init.
//
// In a component, main is called before the first message and has to return. A panic of the handler is a retry with the
// panic's text; where it happened goes to the log.
func Handle(handle func(Message) error) {
	if handler != nil {
		panic("oncegate.Handle was called twice")
	}
	if handle == nil {
		panic("oncegate.Handle was called without a function")
	}
	handler = handle
}

// handleRegistered is what the host's call comes to.
func handleRegistered(message Message) *failure {
	if handler == nil {
		if failed := run(callMain, message); failed != nil {
			return failed
		}
	}
	return run(handler, message)
}

// callMain calls main, which has to name the handler.
func callMain(Message) error {
	mainMain()
	if handler == nil {
		return Retry("no handler: main has to call oncegate.Handle")
	}
	return nil
}

// run calls a handler and says in the contract's terms what came of it.
func run(handle func(Message) error, message Message) (failed *failure) {
	defer func() {
		if value := recover(); value != nil {
			text := fmt.Sprintf("panic: %v", value)
			Error(text + panicPlace())
			failed = &failure{false, text}
		}
	}()
	return failureOf(handle(message))
}

// How many calls are named of those that led to a panic: more would not fit on a line of the log.
const shownCalls = 5

// panicPlace names the calls that led to the panic that is being recovered, innermost first, up to this package's own.
func panicPlace() string {
	var callers [64]uintptr
	// Without this function and the deferred one.
	frames := runtime.CallersFrames(callers[:runtime.Callers(3, callers[:])])
	var place strings.Builder
	for shown := 0; shown < shownCalls; {
		frame, more := frames.Next()
		if strings.HasPrefix(frame.Function, ownPackage+".run") {
			break
		}
		if frame.Function != "" && !strings.HasPrefix(frame.Function, "runtime.") {
			fmt.Fprintf(&place, ", in %s (%s:%d)", frame.Function, path.Base(frame.File), frame.Line)
			shown++
		}
		if !more {
			break
		}
	}
	return place.String()
}

const ownPackage = "oncegate.dev/sdk"
