package web

import (
	"io"
	"net/http"
)

// configPage shows the configuration in force, without secrets, as plain text: saved to a file it is a valid configuration.
func configPage(inForce func() string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, inForce()) // ignored: the client disconnected
	}
}
