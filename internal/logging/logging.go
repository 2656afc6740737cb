// Package logging makes the exporter's logger. It is the only package that imports go-kit/log: everything else takes a
// *slog.Logger, so that a change of the library is a change of this file.
package logging

import (
	"context"
	"io"
	"log/slog"
	"strings"

	"github.com/go-kit/log"
	sloggokit "github.com/tjhop/slog-gokit"

	"innius_exporter/innius"
)

// The values of --log.level and --log.format, the default first.
var (
	Levels  = []string{"info", "debug", "warn", "error"}
	Formats = []string{"logfmt", "json"}
)

// Bounds of what a line holds, in bytes. A message may be the stack trace of a panic.
const (
	maxMessage = 8 << 10
	maxValue   = 1 << 10
)

// New makes a logger that writes lines to w, each beginning with time, level and message. Goroutines may share it. Level and
// format are one of Levels and Formats each. No line holds an API key in use, a control character or a long text: see
// innius.Redact.
func New(w io.Writer, level, format string) *slog.Logger {
	var threshold slog.Level
	_ = threshold.UnmarshalText([]byte(level)) // the flag permits Levels only
	if format == "json" {
		return slog.New(redacting{slog.NewJSONHandler(w, &slog.HandlerOptions{Level: threshold, ReplaceAttr: lowerLevel})})
	}
	return slog.New(redacting{sloggokit.NewGoKitHandler(timeFirst(log.NewLogfmtLogger(log.NewSyncWriter(w))), threshold)})
}

// RouteStandard makes a logger that New made the default of packages that log by themselves. The client of net/http does so,
// at level debug, when a server or a proxy sends a response that no request expects.
func RouteStandard(logger *slog.Logger) {
	slog.SetLogLoggerLevel(slog.LevelDebug)
	slog.SetDefault(logger) // of package log too
}

// timeFirst exchanges the first two pairs of a line: slog-gokit puts the level before the time.
func timeFirst(next log.Logger) log.Logger {
	return log.LoggerFunc(func(pairs ...any) error {
		if len(pairs) >= 4 && pairs[2] == slog.TimeKey {
			pairs[0], pairs[1], pairs[2], pairs[3] = pairs[2], pairs[3], pairs[0], pairs[1]
		}
		return next.Log(pairs...)
	})
}

// lowerLevel writes levels as logfmt has them.
func lowerLevel(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.LevelKey {
		return slog.String(a.Key, strings.ToLower(a.Value.String()))
	}
	return a
}

// redacting redacts, cleans and cuts every text on its way to a handler. Keys that come into use after WithAttrs are not
// searched for in its attributes.
type redacting struct{ slog.Handler }

// Handle implements slog.Handler.
func (h redacting) Handle(ctx context.Context, record slog.Record) error {
	clean := slog.NewRecord(record.Time, record.Level, innius.Redact(record.Message, maxMessage), 0) // 0: no source line
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

// redacted turns all but numbers, times and booleans into text, as fmt prints it.
func redacted(a slog.Attr) slog.Attr {
	value := a.Value.Resolve()
	switch value.Kind() {
	case slog.KindGroup:
		value = slog.GroupValue(redactedAll(value.Group())...)
	case slog.KindString, slog.KindAny, slog.KindDuration:
		value = slog.StringValue(innius.Redact(value.String(), maxValue))
	}
	return slog.Attr{Key: innius.Redact(a.Key, maxValue), Value: value}
}
