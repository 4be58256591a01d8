package oncegate_test

import (
	"errors"
	"log"
	"log/slog"
	"slices"
	"testing"

	"oncegate.dev/sdk"
	"oncegate.dev/sdk/oncegatetest"
)

func TestEveryWayToLogLeadsToTheContractsLog(t *testing.T) {
	got := deliver(func() error {
		oncegate.Trace("one")
		oncegate.Warn("two \xff")
		slog.Debug("three", "n", 3, "text", "with space", "none", "", "error", errors.New("an error"))
		slog.With("id", 7).WithGroup("g").With("a", 1).Error("four", "b", 2, slog.Group("inner", "c", 3))
		slog.Log(t.Context(), slog.LevelDebug-4, "five")
		log.Printf("six %d", 6)
		return nil
	})
	expected := []oncegatetest.Line{
		{Level: oncegate.LevelTrace, Text: "one"},
		{Level: oncegate.LevelWarn, Text: "two \uFFFD"},
		{Level: oncegate.LevelDebug, Text: `three n=3 text="with space" none="" error="an error"`},
		{Level: oncegate.LevelError, Text: "four id=7 g.a=1 g.b=2 g.inner.c=3"},
		{Level: oncegate.LevelTrace, Text: "five"},
		{Level: oncegate.LevelInfo, Text: "six 6"},
	}
	if !slices.Equal(got.Log, expected) {
		t.Errorf("%v, not %v", got.Log, expected)
	}
}
