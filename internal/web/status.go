package web

import (
	"bytes"
	"encoding/json"
	"net/http"

	"innius_exporter/internal/poller"
)

// statusAtOnce bounds how many status pages, and answers in JSON, are made at the same time: with ten thousand sensors
// each takes megabytes.
const statusAtOnce = 4

// statusPage renders the status for people. html/template escapes everything: no name from the API can inject markup.
func statusPage(s Source) http.Handler {
	return atOnce(statusAtOnce, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q, status, err := answerTo(r, s)
		v, code := viewOf(q, status), http.StatusOK
		if err != nil {
			v.Problem, code = err.Error(), codeOf(err)
		}
		var body bytes.Buffer
		if err := page.Execute(&body, &v); err != nil {
			http.Error(w, "render the status page: "+err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", pagePolicy)
		w.WriteHeader(code)
		_, _ = w.Write(body.Bytes()) // the client has gone: there is nobody to tell
	}))
}

// statusJSON answers with what the page shows. Recent readings are left out where everything is asked for: they would be
// most of it.
func statusJSON(s Source) http.Handler {
	return atOnce(statusAtOnce, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q, status, err := answerTo(r, s)
		switch {
		case err != nil:
			writeJSON(w, codeOf(err), map[string]string{"error": err.Error()})
			return
		case !q.restricts():
			forgetRecent(status)
		}
		writeJSON(w, http.StatusOK, status)
	}))
}

// answerTo returns what a request asks for.
func answerTo(r *http.Request, s Source) (query, poller.Status, error) {
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return q, poller.Status{}, err
	}
	status, err := q.of(s.Status())
	return q, status, err
}

// forgetRecent takes the recent readings out of a status that query.of has copied.
func forgetRecent(s poller.Status) {
	for _, a := range s.Accounts {
		for _, m := range a.Machines {
			for i := range m.Sensors {
				m.Sensors[i].Recent = nil
			}
		}
	}
}

func writeJSON(w http.ResponseWriter, code int, answer any) {
	body, err := json.Marshal(answer)
	if err != nil {
		http.Error(w, "encode the status: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write(append(body, '\n'))
}
