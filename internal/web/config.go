package web

import (
	"io"
	"net/http"
)

// configPage shows the config in force, which holds no secret. It is plain text: a browser shows it, and a file made of it
// is a config.
func configPage(inForce func() string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, inForce()) // the client has gone: there is nobody to tell
	}
}
