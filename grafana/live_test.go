package grafana

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"regexp"
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
	live := prometheus{base}
	options := map[string][]string{} // of variables, by dashboard and name
	for _, q := range queries {
		for _, chosen := range live.choices(q, options) {
			found := live.ask(t, q, chosen)
			if q.Kind == Variable {
				options[q.Dashboard+" "+q.Title] = offered(q, found)
				found = found[:len(options[q.Dashboard+" "+q.Title])]
			}
			if len(found) == 0 && q.AllowedEmpty == "" {
				t.Errorf("%s, %s %q %s: nothing for %q from\n%s", q.Dashboard, q.Kind, q.Title, q.RefID, chosen, Interpolate(q.Expr, chosen))
			}
			t.Logf("%s, %s %q %s: %d series %s", q.Dashboard, q.Kind, q.Title, q.RefID, len(found), first(found))
		}
	}
}

type prometheus struct{ base string }

// series is one series of an answer; its last value.
type series struct {
	labels map[string]string
	value  float64
}

func first(found []series) string {
	if len(found) == 0 {
		return ""
	}
	return strconv.FormatFloat(found[0].value, 'g', 6, 64)
}

// choices are the values of the variables with which a query is asked: All where there is, each value of a variable that a
// panel is repeated for, and each value alone of one that has no All.
func (prometheus) choices(q Query, options map[string][]string) []map[string][]string {
	all := []map[string][]string{{}}
	for _, machine := range options[q.Dashboard+" machine"] {
		if q.Dashboard == machineUID && strings.Contains(q.Expr, "${machine:") && !strings.Contains(machine, "Conveyor") {
			all = append(all, map[string][]string{"machine": {machine}})
		}
	}
	if q.Repeat == "" {
		return all
	}
	all = nil
	for _, value := range options[q.Dashboard+" "+q.Repeat] {
		all = append(all, map[string][]string{q.Repeat: {value}})
	}
	return all
}

func (p prometheus) ask(t *testing.T, q Query, chosen map[string][]string) []series {
	t.Helper()
	path, form := "/api/v1/query", url.Values{"query": {Interpolate(q.Expr, chosen)}}
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
		t.Fatal(q.Dashboard, q.Title, err, answer.Error, form.Get("query"))
	}
	var found []series
	for _, r := range answer.Data.Result {
		if len(r.Values) > 0 {
			r.Value = r.Values[len(r.Values)-1]
		}
		if value, err := strconv.ParseFloat(r.Value[1].(string), 64); err == nil && value == value { // not NaN
			found = append(found, series{r.Metric, value})
		}
	}
	return found
}

func stamp(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }

// offered are the values that a variable offers.
func offered(q Query, found []series) []string {
	var all []string
	for _, s := range found {
		value := s.labels[q.Label]
		if q.Label == "" {
			value = regexp.MustCompile(q.Regex).FindStringSubmatch(`{unit="` + s.labels["unit"] + `"} 1 0`)[1]
		}
		if !slices.Contains(all, value) {
			all = append(all, value)
		}
	}
	return all
}
