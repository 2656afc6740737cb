package web

import (
	"net/http"
)

// reload answers 200 when the config has been loaded anew and is in force, else 400 with the reason: the one before stays.
// A page of another site cannot make a browser ask for it.
func reload(config func() error) http.Handler {
	return http.NewCrossOriginProtection().Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if config == nil {
			http.Error(w, "Reloading by request is off; start the exporter with --web.enable-lifecycle, or send it SIGHUP.", http.StatusForbidden)
			return
		}
		if err := config(); err != nil {
			http.Error(w, "The config before stays in force: "+err.Error(), http.StatusBadRequest)
			return
		}
		_, _ = w.Write([]byte("The config is reloaded.\n")) // the client has gone: there is nobody to tell
	}))
}
