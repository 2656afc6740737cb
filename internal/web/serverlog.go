package web

import (
	"bytes"
	"context"
	"log/slog"
)

// serverLog takes what net/http reports. It is clients' doing, which anybody who reaches the port could fill a log with,
// but for a panic, which is ours.
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
