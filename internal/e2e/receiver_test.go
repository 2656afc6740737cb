package e2e

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// receiver is a webhook receiver for Alertmanager.
type receiver struct {
	mu       sync.Mutex
	arrivals []arrival
	url      string
}

// arrival is one alert of a notification.
type arrival struct {
	at          time.Time
	Status      string            `json:"status"` // firing or resolved
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.url = server.URL + "/"
	return r
}

// ServeHTTP implements http.Handler.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	var notification struct {
		Alerts []arrival `json:"alerts"`
	}
	if err := json.NewDecoder(req.Body).Decode(&notification); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range notification.Alerts {
		a.at = time.Now()
		r.arrivals = append(r.arrivals, a)
	}
}

// since returns the alerts that arrived after begin.
func (r *receiver) since(begin time.Time) []arrival {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(r.arrivals), func(a arrival) bool { return a.at.Before(begin) })
}

// named returns the arrivals of an alert with a status.
func named(arrivals []arrival, alert, status string) []arrival {
	other := func(a arrival) bool { return a.Labels["alertname"] != alert || a.Status != status }
	return slices.DeleteFunc(slices.Clone(arrivals), other)
}

// text returns the summary and description of an alert.
func (a arrival) text() string { return a.Annotations["summary"] + "\n" + a.Annotations["description"] }

// others returns the texts of firing alerts with another name.
func others(arrivals []arrival, alert string) string {
	var found []string
	for _, a := range arrivals {
		if a.Status == "firing" && a.Labels["alertname"] != alert {
			found = append(found, a.Labels["alertname"]+": "+a.text())
		}
	}
	return strings.Join(found, "\n")
}
