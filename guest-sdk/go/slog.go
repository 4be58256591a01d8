package oncegate

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"unicode"
)

func init() { slog.SetDefault(slog.New(slogHandler{})) }

// slogHandler makes one line of each record: the message, then name=value for each attribute. Time and level are the
// host's to show.
type slogHandler struct {
	// What WithAttrs and WithGroup gave: attributes as they are written, and what comes before further names.
	attributes, prefix string
}

func (h slogHandler) Enabled(context.Context, slog.Level) bool { return true }

func (h slogHandler) Handle(_ context.Context, record slog.Record) error {
	var line strings.Builder
	line.WriteString(record.Message)
	line.WriteString(h.attributes)
	record.Attrs(func(attribute slog.Attr) bool {
		writeAttribute(&line, h.prefix, attribute)
		return true
	})
	Log(levelOf(record.Level), line.String())
	return nil
}

func (h slogHandler) WithAttrs(attributes []slog.Attr) slog.Handler {
	var more strings.Builder
	for _, attribute := range attributes {
		writeAttribute(&more, h.prefix, attribute)
	}
	h.attributes += more.String()
	return h
}

func (h slogHandler) WithGroup(name string) slog.Handler {
	if name != "" {
		h.prefix += name + "."
	}
	return h
}

// levelOf is the highest of the contract's levels that is not above slog's.
func levelOf(level slog.Level) Level {
	switch {
	case level < slog.LevelDebug:
		return LevelTrace
	case level < slog.LevelInfo:
		return LevelDebug
	case level < slog.LevelWarn:
		return LevelInfo
	case level < slog.LevelError:
		return LevelWarn
	}
	return LevelError
}

func writeAttribute(line *strings.Builder, prefix string, attribute slog.Attr) {
	value := attribute.Value.Resolve()
	if attribute.Key == "" && value.Kind() != slog.KindGroup {
		return
	}
	if value.Kind() == slog.KindGroup {
		if attribute.Key != "" {
			prefix += attribute.Key + "."
		}
		for _, inner := range value.Group() {
			writeAttribute(line, prefix, inner)
		}
		return
	}
	line.WriteByte(' ')
	line.WriteString(plainOrQuoted(prefix + attribute.Key))
	line.WriteByte('=')
	line.WriteString(plainOrQuoted(value.String()))
}

func plainOrQuoted(text string) string {
	special := func(r rune) bool {
		return r == '"' || r == '=' || r == unicode.ReplacementChar || !unicode.IsPrint(r) || unicode.IsSpace(r)
	}
	if text == "" || strings.ContainsFunc(text, special) {
		return strconv.Quote(text)
	}
	return text
}
