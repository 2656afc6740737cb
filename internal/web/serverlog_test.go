package web

import (
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
)

func TestAPanicIsAnErrorInTheLogAndAClientsNonsenseIsNot(t *testing.T) {
	log := new(tape)
	s := &socket{T: t, log: new(tape)}
	s.serve(NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("ours") }), slog.New(slog.NewTextHandler(log, nil))), slog.New(slog.DiscardHandler))
	if text, _ := io.ReadAll(s.connect(scrapeRequest)); len(text) > 0 {
		t.Errorf("answered %q", text)
	}
	if text := log.String(); !strings.Contains(text, "level=ERROR") || !strings.Contains(text, "ours") {
		t.Errorf("logged %q", text)
	}
	log = new(tape)
	if _, err := (serverLog{slog.New(slog.NewTextHandler(log, nil))}).Write([]byte("http: TLS handshake error from somebody: EOF")); err != nil || log.String() != "" {
		t.Errorf("%v, logged %s", err, log)
	}
}
