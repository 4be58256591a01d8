package oncegate

import (
	"errors"
	"fmt"
)

// RejectError says that the delivery can never work: it goes to the dead letters with the text as the reason.
type RejectError struct{ err error }

// RetryError says that the delivery may work later: it is made again after a back-off, and one attempt is used up.
type RetryError struct{ err error }

// Reject is a [RejectError] with this text.
func Reject(reason string) error { return &RejectError{errors.New(reason)} }

// Rejectf is a [RejectError] whose text is made as by [fmt.Errorf], which can wrap another error.
func Rejectf(format string, arguments ...any) error {
	return &RejectError{fmt.Errorf(format, arguments...)}
}

// Retry is a [RetryError] with this text.
func Retry(reason string) error { return &RetryError{errors.New(reason)} }

// Retryf is a [RetryError] whose text is made as by [fmt.Errorf], which can wrap another error.
func Retryf(format string, arguments ...any) error {
	return &RetryError{fmt.Errorf(format, arguments...)}
}

func (e *RejectError) Error() string { return e.err.Error() }

// Unwrap is the error that was wrapped, if one was.
func (e *RejectError) Unwrap() error { return errors.Unwrap(e.err) }

func (e *RejectError) rejects() bool { return true }

func (e *RetryError) Error() string { return e.err.Error() }

// Unwrap is the error that was wrapped, if one was.
func (e *RetryError) Unwrap() error { return errors.Unwrap(e.err) }

func (e *RetryError) rejects() bool { return false }

// verdict is an error of this package: it knows what is to become of the delivery.
type verdict interface {
	error
	rejects() bool
}

// failure is what the host is told.
type failure struct {
	reject bool
	text   string
}

// failureOf is what becomes of a handler's error: the outermost error of this package decides, and the text is that of
// the whole. Any other error may be gone the next time; the operator is told its type, too.
func failureOf(err error) *failure {
	if err == nil {
		return nil
	}
	text := err.Error()
	var own verdict
	if errors.As(err, &own) {
		return &failure{own.rejects(), text}
	}
	Error(fmt.Sprintf("the handler failed: %s (%T)", text, err))
	return &failure{false, text}
}
