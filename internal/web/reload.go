package web

import (
	"net/http"
)

// reload loads the configuration again: 200 if it is in force now, else 400 with the reason, and the previous one stays. A page of
// another site cannot make a browser send this request.
func reload(config func() error) http.Handler {
	return http.NewCrossOriginProtection().Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if config == nil {
			http.Error(w, "Reload by request is disabled. Start the exporter with --web.enable-lifecycle, or send it SIGHUP.", http.StatusForbidden)
			return
		}
		if err := config(); err != nil {
			http.Error(w, "The previous configuration stays in force: "+err.Error(), http.StatusBadRequest)
			return
		}
		_, _ = w.Write([]byte("The configuration was reloaded.\n")) // ignored: the client disconnected
	}))
}
