package web

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"innius_exporter/internal/poller/reading"
	"innius_exporter/internal/status"
)

func TestQuerySelectsSameForPageAndJSON(t *testing.T) {
	s := plant(2, 3, 4)
	s.Accounts[1].Machines[2].Machine = "Machine 3 (m3)"
	for query, want := range map[string]int{
		"": 24, "machine=&sensor=&status=": 24, // as an empty form sends it
		"machine=Machine+1": 8, "machine=m2&sensor=m2-s3": 2, "sensor=Sensor+4": 6, "status=stale": 6, "status=pending": 0,
		"machine=Machine+3+(m3)": 4, "machine=Machine+3": 8, // label, and name of both
		"machine=m1&status=current": 6, "machine=m1&sensor=Sensor+2&status=current": 0,
	} {
		code, body := get(t, s, "/api/v1/status?"+query)
		var got status.Status
		if err := json.Unmarshal([]byte(body), &got); err != nil || code != 200 {
			t.Errorf("%q: status %d, %v", query, code, err)
		}
		sensors := 0
		for _, a := range got.Accounts {
			for _, m := range a.Machines {
				sensors += len(m.Sensors)
			}
		}
		code, page := get(t, s, "/status?"+query)
		if shown := strings.Count(page, `<th scope="row"`); sensors != want || shown != want || code != 200 {
			t.Errorf("%q: %d sensors in JSON, %d on the page (status %d), want %d", query, sensors, shown, code, want)
		}
	}
}

func TestStatusPageLinksSelectionAsJSON(t *testing.T) {
	for path, want := range map[string]string{
		"/status": "/api/v1/status", "/status?sensor=&machine=Machine+1": "/api/v1/status?machine=Machine&#43;1", "/status?status=stale&sensor=Sensor+2": "/api/v1/status?sensor=Sensor&#43;2&amp;status=stale",
	} {
		if _, body := get(t, plant(1, 1, 2), path); !strings.Contains(body, `<a href="`+want+`">as JSON</a>`) {
			t.Errorf("%s: no link to %s in %.3000s", path, want, body[strings.Index(body, "<header>"):])
		}
	}
}

func TestQueryLeavesOutOtherAccounts(t *testing.T) {
	s := plant(2, 1, 1)
	s.Accounts[1].Machines[0].Sensors[0].ID = "other"
	_, body := get(t, s, "/api/v1/status?sensor=other")
	if strings.Contains(body, `"a1"`) || !strings.Contains(body, `"a2"`) {
		t.Error(body)
	}
}

func TestStatusJSONHasRecentReadingsOnlyWithSelection(t *testing.T) {
	s := plant(1, 1, 2)
	if _, body := get(t, s, "/api/v1/status"); strings.Contains(body, `"recent"`) {
		t.Error("the answer about everything holds them")
	}
	if _, body := get(t, s, "/api/v1/status?sensor=m1-s1"); !strings.Contains(body, `"recent":[[`) {
		t.Errorf("the answer about one does not: %s", body)
	}
	if len(s.Accounts[0].Machines[0].Sensors[0].Recent) != reading.MaxRecent {
		t.Error("the answer changed the status that it was made of")
	}
}

func TestBadQueryReturnsOneError(t *testing.T) {
	hostile := url.QueryEscape(`<script>alert(1)</script>"onmouseover=`)
	for query, want := range map[string]struct {
		code int
		text string
	}{
		"machine=nix":                {404, `unknown machine "nix"; write its exact label, id or name`},
		"sensor=nix":                 {404, `unknown sensor "nix"`},
		"machine=m1&sensor=m2-s1":    {404, `unknown sensor "m2-s1" of machine "m1"`},
		"machine=machine+1":          {404, `unknown machine "machine 1"`},
		"machine=nix&status=stale":   {404, `unknown machine "nix"`},
		"status=rotten":              {400, `unknown status "rotten"; known are excluded, pending, failing, unreadable, no_readings, stale, silent, delayed, current`},
		"name=x":                     {400, `unknown parameter "name"; known are machine, sensor and status`},
		"machine=a&machine=b":        {400, `parameter "machine" is given 2 times`},
		"machine=%zz":                {400, "malformed query"},
		"machine=" + hostile:         {404, `unknown machine "<script>`},
		"sensor=" + long("x", 60000): {404, `unknown sensor "xxx`},
		hostile + "=1":               {400, `unknown parameter "<script>`},
	} {
		code, body := get(t, plant(1, 2, 2), "/api/v1/status?"+query)
		var got struct{ Error string }
		if err := json.Unmarshal([]byte(body), &got); err != nil || code != want.code || !strings.Contains(got.Error, want.text) {
			t.Errorf("%.80s: status %d, %v: %.300s", query, code, err, body)
		}
		code, page := get(t, plant(1, 2, 2), "/status?"+query)
		if code != want.code || !strings.Contains(page, `role="alert"`) || strings.Contains(page, "<script>alert") ||
			strings.Contains(page, `"onmouseover`) {
			t.Errorf("%.80s: page with status %d:\n%.3000s", query, code, page)
		}
		if len(got.Error) > 500 {
			t.Errorf("%.80s: an error of %d bytes", query, len(got.Error))
		}
	}
}

func long(text string, count int) string { return strings.Repeat(text, count) }

func TestUnknownSensorMentionsRunningDiscovery(t *testing.T) {
	s := plant(1, 1, 1)
	s.Accounts[0].Discovery.Ended = false
	if _, body := get(t, s, "/api/v1/status?sensor=nix"); !strings.Contains(body, "first discovery is still running") {
		t.Error(body)
	}
}
