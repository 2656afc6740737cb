package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"innius_exporter/internal/apicheck"
	"innius_exporter/internal/simulator"
)

// refusing is an API whose values need a window. check returns the status code and message for a window; 0 accepts it.
func refusing(check func(from string) (int, string)) http.Handler {
	needing := simulatedAPI(testPlant(), simulator.Format{})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if operation(r.URL.Path) == "values" {
			if status, message := check(q.Get("from")); status > 0 {
				w.WriteHeader(status)
				if status == http.StatusOK {
					message = `{"data":[],"next_key":null}`
				} else {
					message = fmt.Sprintf(`{"message":%q}`, message)
				}
				_, _ = w.Write([]byte(message))
				return
			}
			q.Del("from")
			q.Del("to")
			r.URL.RawQuery = q.Encode()
		}
		needing.ServeHTTP(w, r)
	})
}

// TestCheckAPITriesEachUnitOfAWindowOnce is about refusals that name no unit.
func TestCheckAPITriesEachUnitOfAWindowOnce(t *testing.T) {
	const names = "missing required parameter: from"
	seconds := func(from string) bool { return len(from) == 10 }
	text := func(from string) bool { return strings.Contains(from, "T") }
	for name, c := range map[string]struct {
		right             func(from string) bool
		without, with     int
		message, original string
		want              string
	}{
		"seconds, by its future":   {seconds, 400, 400, "from is in the future", names, "s"},
		"seconds, in silence":      {seconds, 200, 200, "", "", "s"},
		"seconds, without a name":  {seconds, 400, 400, "no such time", "bad request", "s"},
		"text, by its format":      {text, 400, 400, "invalid time format", names, "rfc3339"},
		"text, by a 500":           {text, 400, 500, "internal", names, "rfc3339"},
		"text, by a 500 alone":     {text, 400, 500, "internal", "bad request", "rfc3339"},
		"text, by the whole query": {text, 400, 400, "invalid from: limit=100&from=17", names, "rfc3339"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newWorkDir(t, serve(t, refusing(func(from string) (int, string) {
				switch {
				case from == "":
					return c.without, c.original
				case !c.right(from):
					return c.with, c.message
				}
				return 0, ""
			}))+"/v1")
			_, report, _ := d.check()
			tried := map[string]bool{}
			for _, s := range report.Steps {
				key := strings.NewReplacer("0", "#", "1", "#", "2", "#", "3", "#", "4", "#", "5", "#", "6", "#", "7", "#", "8", "#", "9", "#").Replace(s.Request)
				if s.Operation == "values" && s.Status != http.StatusOK && tried[key] {
					t.Errorf("again: %s", s.Request)
				}
				tried[key] = true
			}
			report, got := d.applyAdvice()
			delete(got, "company_id")
			delete(got, "company_name")
			want := strings.ReplaceAll(windowed, "_ms}", "_"+c.want+"}")
			if len(got) != 1 || got["endpoints.values"] != want || !report.OK {
				t.Errorf("settings %v, want only %s; OK %t", got, want, report.OK)
			}
		})
	}
}

// TestCheckAPIProposesSmallPagesOnlyIfNeeded is about messages that name limit for no reason.
func TestCheckAPIProposesSmallPagesOnlyIfNeeded(t *testing.T) {
	for name, needed := range map[string]bool{"needed": true, "not needed": false} {
		t.Run(name, func(t *testing.T) {
			api := refusing(func(from string) (int, string) {
				if from == "" {
					return 400, "bad request"
				}
				return 0, ""
			})
			strict := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
				if operation(r.URL.Path) == "values" && limit > 10 && (needed || !r.URL.Query().Has("from")) {
					w.WriteHeader(400)
					_, _ = w.Write([]byte(`{"message":"too many items"}`))
					return
				}
				api.ServeHTTP(w, r)
			})
			report, got := newWorkDir(t, serve(t, strict)+"/v1").applyAdvice()
			if got["endpoints.values"] != windowed || (got["page_size"] != nil) != needed || !report.OK {
				t.Errorf("settings %v, OK %t", got, report.OK)
			}
		})
	}
}

// readings changes the readings of an API, given their times and values.
func readings(make func(at time.Time, value any) map[string]any) http.Handler {
	return modified(normal(), "values", each(func(item map[string]any) any {
		ms, _ := item["t"].(json.Number).Int64()
		return make(time.UnixMilli(ms), item["v"])
	}))
}

func TestCheckAPIChoosesOnlyUnambiguousFields(t *testing.T) {
	iso := func(at time.Time) string { return at.UTC().Format(time.RFC3339) }
	now := time.Now()
	for name, c := range map[string]struct {
		api      http.Handler
		want     map[string]any // of fields
		kind     string
		contains []string
	}{
		"several numbers": {
			readings(func(at time.Time, value any) map[string]any {
				return map[string]any{"t": iso(at), "count": 6, "max": 9, "mean": value}
			}), nil, "value-field", []string{"count (such as 6), max (such as 9), mean (such as ", "Set fields.value to"},
		},
		"an empty value, and another": {
			readings(func(at time.Time, value any) map[string]any {
				return map[string]any{"t": iso(at), "value": nil, "v": value, "count": 6}
			}), map[string]any{"fields.value": "v"}, "", nil,
		},
		"one number": {
			readings(func(at time.Time, value any) map[string]any {
				return map[string]any{"t": iso(at), "avg": value, "state": "on"}
			}),
			map[string]any{"fields.value": "avg"},
			"", nil,
		},
		"one time of all readings, and several numbers": {
			readings(func(at time.Time, value any) map[string]any {
				return map[string]any{"created_at": iso(now), "measured_at": iso(at), "number": value, "quality": 192}
			}), map[string]any{"fields.time": "measured_at"}, "value-field", []string{"number (such as ", "quality (such as 192)"},
		},
		"two times": {
			readings(func(at time.Time, value any) map[string]any {
				return map[string]any{"created_at": iso(at.Add(time.Second)), "measured_at": iso(at), "v": value}
			}), nil, "time-field", []string{"created_at (such as ", "measured_at (such as ", "Set fields.time to"},
		},
		"times ahead, and others": {
			readings(func(at time.Time, value any) map[string]any {
				return map[string]any{"timestamp": iso(at.Add(24 * time.Hour)), "time": iso(at), "v": value}
			}), map[string]any{"fields.time": "time"}, "", nil,
		},
		"times ahead, and two others": {
			readings(func(at time.Time, value any) map[string]any {
				return map[string]any{"timestamp": iso(at.Add(24 * time.Hour)), "at": iso(at), "sent": iso(at.Add(time.Second)), "v": value}
			}), nil, "future", []string{"at (such as ", "sent (such as ", "Set fields.time to"},
		},
		"times ahead, and the same for all": {
			readings(func(at time.Time, value any) map[string]any {
				return map[string]any{"timestamp": iso(at.Add(24 * time.Hour)), "sent": iso(now), "v": value}
			}), nil, "future", []string{"There is no setting for it"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			report, got := newWorkDir(t, serve(t, c.api)+"/v1").applyAdvice()
			delete(got, "company_id")
			delete(got, "company_name")
			if len(got) != len(c.want) || len(got) > 0 && fmt.Sprint(got) != fmt.Sprint(c.want) || report.OK != (c.kind == "") {
				t.Errorf("settings %v, want %v; OK %t", got, c.want, report.OK)
			}
			if c.kind == "" {
				return
			}
			f := finding(t, report, c.kind)
			for _, part := range c.contains {
				if !strings.Contains(strings.Join(f.Text, " "), part) {
					t.Errorf("%q is missing in %q", part, f.Text)
				}
			}
			if f.Severity != apicheck.Failure || f.Settings != nil {
				t.Errorf("%+v", f)
			}
		})
	}
}

// A sensor may have been silent for as long as zones differ, which is longer in summer.
func TestCheckAPIChoosesZoneInEitherSeason(t *testing.T) {
	const amsterdam = "Europe/Amsterdam"
	for season, c := range map[string]struct {
		month time.Month
		ahead time.Duration // of Amsterdam
	}{"winter": {time.January, time.Hour}, "summer": {time.July, 2 * time.Hour}} {
		for name, row := range map[string]struct {
			zone   string
			silent time.Duration
			want   string
			ages   []string
		}{
			"known":                  {amsterdam, 0, amsterdam, nil},
			"or silence as long":     {"UTC", 0, "", []string{"As UTC the newest", "As Europe/Amsterdam the newest"}},
			"and silence as long":    {amsterdam, c.ahead, "", []string{"As UTC the newest", "As Europe/Amsterdam the newest"}},
			"of a plant in silence":  {amsterdam, 30 * time.Minute, "", []string{"As Europe/Amsterdam the newest"}},
			"not among those, ahead": {"Asia/Tokyo", 0, "", nil},
		} {
			t.Run(season+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					time.Sleep(time.Until(time.Date(2030, c.month, 15, 12, 0, 30, 0, time.UTC)))
					checkZone(t, row.zone, row.silent, row.want, row.ages)
				})
			})
		}
	}
}

// checkZone checks an API whose readings have the time of a zone, without its name, and end some time ago.
func checkZone(t *testing.T, zone string, silent time.Duration, want string, ages []string) {
	t.Helper()
	place, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	client, closeAll := simulator.Pipe(readings(func(at time.Time, value any) map[string]any {
		return map[string]any{"t": at.Add(-silent).In(place).Format("2006-01-02T15:04:05"), "v": value}
	}))
	defer closeAll()
	d := newWorkDir(t, "http://innius.test/v1", "allow_http: true", "http_client: {proxy_from_environment: false}")
	d.dial = client.Transport.(*http.Transport).DialContext
	report, got := d.applyAdvice()
	if chosen, _ := got["fields.time_zone"].(string); chosen != want || report.OK != (want != "") {
		t.Errorf("zone %q, want %q; OK %t", chosen, want, report.OK)
	}
	if want != "" {
		return
	}
	f := finding(t, report, "time-unit")
	for _, age := range ages {
		if !strings.Contains(strings.Join(f.Text, " "), age) {
			t.Errorf("%q is missing in %q", age, f.Text)
		}
	}
}
