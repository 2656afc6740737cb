package logging

import (
	"context"
	"log/slog"

	"innius_exporter/innius"
)

// Bounds of what a line holds, in bytes. A message may be the trace of a panic.
const (
	maxMessage = 8 << 10
	maxValue   = 1 << 10
)

// RouteStandard makes a logger that New made the one of everything that logs by itself, net/http's client above all, which
// reports at level debug what a server or a proxy sends out of turn.
func RouteStandard(logger *slog.Logger) {
	slog.SetLogLoggerLevel(slog.LevelDebug)
	slog.SetDefault(logger) // the package log too
}

// redacting is the border that every line passes: texts are redacted, cleaned and cut. Keys that come into use after
// WithAttrs are not looked for in its attributes.
type redacting struct{ slog.Handler }

// Handle implements slog.Handler.
func (h redacting) Handle(ctx context.Context, record slog.Record) error {
	clean := slog.NewRecord(record.Time, record.Level, innius.Redact(record.Message, maxMessage), record.PC)
	record.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(redacted(a))
		return true
	})
	return h.Handler.Handle(ctx, clean)
}

// WithAttrs implements slog.Handler.
func (h redacting) WithAttrs(attrs []slog.Attr) slog.Handler {
	return redacting{h.Handler.WithAttrs(redactedAll(attrs))}
}

// WithGroup implements slog.Handler.
func (h redacting) WithGroup(name string) slog.Handler {
	return redacting{h.Handler.WithGroup(innius.Redact(name, maxValue))}
}

func redactedAll(attrs []slog.Attr) []slog.Attr {
	clean := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		clean[i] = redacted(a)
	}
	return clean
}

// redacted turns what is not a number, a time or a boolean into text, as fmt prints it.
func redacted(a slog.Attr) slog.Attr {
	value := a.Value.Resolve()
	switch value.Kind() {
	case slog.KindGroup:
		value = slog.GroupValue(redactedAll(value.Group())...)
	case slog.KindString, slog.KindAny:
		value = slog.StringValue(innius.Redact(value.String(), maxValue))
	}
	return slog.Attr{Key: innius.Redact(a.Key, maxValue), Value: value}
}
