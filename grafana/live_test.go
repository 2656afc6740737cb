package grafana

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A Prometheus that has been scraping a demo for some minutes, named by INNIUS_PROMETHEUS (http://localhost:9090), answers each
// query of each dashboard with data.
func TestEachQueryReturnsDataOnTheDemo(t *testing.T) {
	base := os.Getenv("INNIUS_PROMETHEUS")
	if base == "" {
		t.Skip("INNIUS_PROMETHEUS names no Prometheus that scrapes a demo")
	}
	queries, err := Queries()
	if err != nil {
		t.Fatal(err)
	}
	live, offers := prometheus{base}, map[string]Offers{}
	for _, q := range queries {
		of := offers[q.Dashboard]
		if of == nil {
			of = Offers{}
			offers[q.Dashboard] = of
		}
		exprs := q.Exprs(of)
		if len(exprs) == 0 {
			t.Errorf("%s, %q: there is nothing that %s could be", q.Dashboard, q.Title, q.Repeat)
		}
		any := false
		for _, expr := range exprs {
			found := live.ask(t, q, expr)
			if q.Kind == Variable {
				of[q.Title] = q.Values(found)
			}
			if len(found) == 0 && q.AllowedEmpty == "" {
				t.Errorf("%s, %s %q %s: nothing from\n%s", q.Dashboard, q.Kind, q.Title, q.RefID, expr)
			}
			any = any || len(found) > 0
			t.Logf("%s, %s %q %s: %d series", q.Dashboard, q.Kind, q.Title, q.RefID, len(found))
		}
		if q.Repeat != "" && !any {
			t.Errorf("%s, %s: nothing for any %s", q.Dashboard, q.Title, q.Repeat)
		}
	}
	eachMachineAlone(t, live, queries, offers[machineUID])
}

// eachMachineAlone sees that a name with quotes and the like chooses its machine and no other.
func eachMachineAlone(t *testing.T, live prometheus, queries []Query, offers Offers) {
	t.Helper()
	state := slices.IndexFunc(queries, func(q Query) bool { return q.Dashboard == machineUID && q.Title == "Chosen machines" && q.RefID == "A" })
	for _, machine := range offers["machine"] {
		chosen := maps.Clone(offers)
		chosen["machine"] = []string{machine}
		found := live.ask(t, queries[state], queries[state].Interpolate(chosen))
		if len(found) != 1 || found[0]["machine"] != machine {
			t.Errorf("machine %s: %v", machine, found)
		}
	}
}

type prometheus struct{ base string }

// ask returns the labels of each series that has a number at its end.
func (p prometheus) ask(t *testing.T, q Query, expr string) []map[string]string {
	t.Helper()
	path, form := "/api/v1/query", url.Values{"query": {expr}}
	if !q.Instant {
		now := time.Now()
		path = "/api/v1/query_range"
		form["start"], form["end"] = []string{stamp(now.Add(-time.Minute))}, []string{stamp(now)}
		form["step"] = []string{"15"}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct {
		Error string
		Data  struct {
			Result []struct {
				Metric map[string]string
				Value  []any
				Values [][]any
			}
		}
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.Error != "" {
		t.Fatal(q.Dashboard, q.Title, err, answer.Error, expr)
	}
	var found []map[string]string
	for _, r := range answer.Data.Result {
		if len(r.Values) > 0 {
			r.Value = r.Values[len(r.Values)-1]
		}
		if r.Value[1] != "NaN" {
			found = append(found, r.Metric)
		}
	}
	return found
}

func stamp(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }
