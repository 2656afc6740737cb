package web

import (
	"bytes"
	"context"
	"log/slog"
)

// serverLog logs what net/http reports. Only a panic is an error of the exporter; the rest is caused by clients, who could fill
// the log with it, and is logged at debug level.
type serverLog struct{ *slog.Logger }

// Write implements io.Writer.
func (l serverLog) Write(p []byte) (int, error) {
	level := slog.LevelDebug
	if bytes.HasPrefix(p, []byte("http: panic")) || bytes.HasPrefix(p, []byte("http2: panic")) {
		level = slog.LevelError
	}
	l.Log(context.Background(), level, string(bytes.TrimSpace(p)))
	return len(p), nil
}
