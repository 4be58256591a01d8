package oncegate

import "strings"

// Level is how much a line matters.
type Level uint8

// The contract's levels.
const (
	LevelTrace Level = iota
	LevelDebug
	LevelInfo
	LevelWarn
	LevelError
)

func (l Level) String() string {
	switch l {
	case LevelTrace:
		return "trace"
	case LevelDebug:
		return "debug"
	case LevelInfo:
		return "info"
	case LevelWarn:
		return "warn"
	case LevelError:
		return "error"
	}
	return "unknown"
}

// Log writes one line for the operator. The host escapes and cuts lines, and beyond its limit drops and counts them.
// Outside of a delivery, lines go to standard error.
//
// [log/slog] and [log] lead here, too: the package sets slog's default.
func Log(level Level, text string) {
	hostLog(min(level, LevelError), strings.ToValidUTF8(text, "\uFFFD"))
}

// Trace writes one line that matters only to who follows a single message.
func Trace(text string) { Log(LevelTrace, text) }

// Debug writes one line that matters only to the handler's developer.
func Debug(text string) { Log(LevelDebug, text) }

// Info writes one line about normal work.
func Info(text string) { Log(LevelInfo, text) }

// Warn writes one line about something that somebody should look at.
func Warn(text string) { Log(LevelWarn, text) }

// Error writes one line about something that went wrong.
func Error(text string) { Log(LevelError, text) }
