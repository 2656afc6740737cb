package web

import (
	"log/slog"
	"strings"
	"testing"
)

func TestServerLogHasOnlyPanicsAsErrors(t *testing.T) {
	for text, logged := range map[string]bool{
		"http: panic serving 192.0.2.1:99: ours":       true,
		"http2: panic serving 192.0.2.1:99: ours":      true,
		"http: TLS handshake error from somebody: EOF": false,
	} {
		log := new(strings.Builder)
		_, err := serverLog{slog.New(slog.NewTextHandler(log, nil))}.Write([]byte(text + "\n"))
		if err != nil || strings.Contains(log.String(), "level=ERROR") != logged || logged != strings.Contains(log.String(), "ours") {
			t.Errorf("%q: %v, logged %q", text, err, log)
		}
	}
}
