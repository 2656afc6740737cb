package web

import (
	"bytes"
	"encoding/json"
	"net/http"

	"innius_exporter/internal/status"
)

// maxStatusRequests bounds the status pages, and JSON responses, made at the same time: with 10,000 sensors each takes megabytes.
const maxStatusRequests = 4

// statusPage renders the status for people. html/template escapes everything: no name from the API can inject markup.
func statusPage(s Source) http.Handler {
	return limitConcurrency(maxStatusRequests, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q, part, code, err := selectStatus(r, s)
		v := viewOf(q, part)
		if err != nil {
			v.Problem = err.Error()
		}
		var body bytes.Buffer
		if err := page.Execute(&body, &v); err != nil {
			http.Error(w, "render the status page: "+err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", pagePolicy)
		w.WriteHeader(code)
		_, _ = w.Write(body.Bytes()) // ignored: the client disconnected
	}))
}

// statusJSON serves the content of the page as JSON. Without a selection the recent readings are left out: they would be most of
// it.
func statusJSON(s Source) http.Handler {
	return limitConcurrency(maxStatusRequests, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q, part, code, err := selectStatus(r, s)
		if err != nil {
			writeJSON(w, code, map[string]string{"error": err.Error()})
			return
		}
		if q.empty() {
			dropRecent(part)
		}
		writeJSON(w, code, part)
	}))
}

// selectStatus returns the part of the status that a request selects, and the HTTP status of the response.
func selectStatus(r *http.Request, s Source) (q query, part status.Status, code int, err error) {
	if q, err = parseQuery(r.URL.RawQuery); err != nil {
		return q, part, http.StatusBadRequest, err
	}
	if part, err = q.apply(s.Status()); err != nil {
		return q, part, http.StatusNotFound, err
	}
	return q, part, http.StatusOK, nil
}

// dropRecent removes the recent readings from a status that query.apply has copied.
func dropRecent(s status.Status) {
	for _, a := range s.Accounts {
		for _, m := range a.Machines {
			for i := range m.Sensors {
				m.Sensors[i].Recent = nil
			}
		}
	}
}

func writeJSON(w http.ResponseWriter, code int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		http.Error(w, "encode the status: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write(append(body, '\n'))
}
