// Package logging makes the exporter's logger. It is the only place that knows go-kit/log: everything else takes a
// *slog.Logger, so that a later change of the library is a change of this file.
package logging

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/go-kit/log"
	sloggokit "github.com/tjhop/slog-gokit"
)

// The values of --log.level and --log.format, the default first.
var (
	Levels  = []string{"info", "debug", "warn", "error"}
	Formats = []string{"logfmt", "json"}
)

// New makes a logger that writes to w, which may be shared by goroutines. Level and format are one of Levels and
// Formats. No line holds an API key in use, a control character or a long text, whatever is logged: see innius.Redact.
func New(w io.Writer, level, format string) (*slog.Logger, error) {
	var threshold slog.Level
	if err := threshold.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("log level %q: use debug, info, warn or error", level)
	}
	synced := log.NewSyncWriter(w)
	switch format {
	case "logfmt":
		return slog.New(redacting{sloggokit.NewGoKitHandler(log.NewLogfmtLogger(synced), threshold)}), nil
	case "json":
		return slog.New(redacting{sloggokit.NewGoKitHandler(log.NewJSONLogger(synced), threshold)}), nil
	}
	return nil, fmt.Errorf("log format %q: use logfmt or json", format)
}
