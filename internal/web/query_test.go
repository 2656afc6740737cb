package web

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
)

func TestQuerySelectsSameForPageAndJSON(t *testing.T) {
	s := polled{restored(2, 3, 4)}
	for query, want := range map[string]int{
		"": 24, "machine=&sensor=&status=": 24, // as an empty form sends it
		"machine=Machine+1": 8, "machine=m2&sensor=m2-s3": 2, "sensor=Sensor+4": 6, "status=stale": 6, "status=pending": 0,
		"account=a2": 12, "account=a2&account=&account=a1": 24, "account=a1&machine=m1&status=current": 3, "account=a1&account=a1": 12,
		"machine=m1&status=current": 6, "machine=m1&sensor=Sensor+2&status=current": 0,
	} {
		code, body := getFrom(t, s, "/api/v1/status?"+query)
		sensors, path := 0, "/status?"+query
		for _, a := range decode(t, body).Accounts {
			for _, m := range a.Machines {
				sensors += len(m.Sensors)
			}
		}
		if code != 200 {
			t.Errorf("%q: status %d", query, code)
		}
		if want == 24 { // a summary otherwise
			path = "/status?account=a1&account=a2"
		}
		code, page := getFrom(t, s, path)
		if shown := strings.Count(page, `<th scope="row"`); sensors != want || shown != want || code != 200 {
			t.Errorf("%q: %d sensors in JSON, %d on the page (status %d), want %d", query, sensors, shown, code, want)
		}
	}
}

func TestStatusPageLinksSelectionAsJSON(t *testing.T) {
	for path, want := range map[string]string{
		"/status": "", "/status?sensor=&machine=Machine+1": "machine=Machine%201&amp;",
		"/status?status=stale&sensor=Sensor+2": "sensor=Sensor%202&amp;status=stale", "/status?account=a%26b&account=c": "account=a%26b&amp;account=c&amp;",
	} {
		if _, body := get(t, plant(1, 1, 2), path); !strings.Contains(body, `<a href="/api/v1/status?`+want+`">as JSON</a>`) {
			t.Errorf("%s: no link to %s in %.3000s", path, want, body[strings.Index(body, "<header>"):])
		}
	}
}

func TestQueryLeavesOutOtherAccounts(t *testing.T) {
	p := restored(2, 2, 1)
	saved := p.Save()
	saved.Accounts[1].Machines[0].Sensors[0].ID = "other"
	_, body := getFrom(t, polled{restore(saved)}, "/api/v1/status?sensor=other")
	if strings.Contains(body, `"a1"`) || !strings.Contains(body, `"a2"`) {
		t.Error(body)
	}
}

func TestStatusJSONHasRecentReadingsOnlyWithSelection(t *testing.T) {
	s := polled{restored(2, 1, 2)}
	if _, body := getFrom(t, s, "/api/v1/status?account=a1"); strings.Contains(body, `"recent"`) {
		t.Error("the answer about everything holds them")
	}
	if _, body := getFrom(t, s, "/api/v1/status?sensor=m1-s1"); !strings.Contains(body, `"recent":[[`) {
		t.Errorf("the answer about one does not: %s", body)
	}
}

func TestBadQueryReturnsOneError(t *testing.T) {
	s, hostile := polled{restored(1, 2, 2)}, url.QueryEscape(`<script>alert(1)</script>"onmouseover=`)
	for query, want := range map[string]struct {
		code int
		text string
	}{
		"account=nix":                   {404, `no account is named "nix"`},
		"account=a1&account=" + hostile: {404, `no account is named "<script>`},
		"account=nix&machine=m1":        {404, `no account is named "nix"`},
		"machine=nix":                   {404, `unknown machine "nix"; write its exact label, id or name`},
		"sensor=nix":                    {404, `unknown sensor "nix"`},
		"machine=m1&sensor=m2-s1":       {404, `unknown sensor "m2-s1" of machine "m1"`},
		"machine=machine+1":             {404, `unknown machine "machine 1"`},
		"machine=nix&status=stale":      {404, `unknown machine "nix"`},
		"status=rotten":                 {400, `unknown status "rotten"; known are excluded, pending, failing, unreadable, no_readings, stale, silent, delayed, current`},
		"name=x":                        {400, `unknown parameter "name"; known are account, machine, sensor and status`},
		"machine=a&machine=b":           {400, `parameter "machine" is given 2 times`},
		"machine=%zz":                   {400, "malformed query"},
		"machine=" + hostile:            {404, `unknown machine "<script>`},
		"sensor=" + long("x", 60000):    {404, `unknown sensor "xxx`},
		hostile + "=1":                  {400, `unknown parameter "<script>`},
	} {
		code, body := getFrom(t, s, "/api/v1/status?"+query)
		var got struct{ Error string }
		if err := json.Unmarshal([]byte(body), &got); err != nil || code != want.code || !strings.Contains(got.Error, want.text) {
			t.Errorf("%.80s: status %d, %v: %.300s", query, code, err, body)
		}
		code, page := getFrom(t, s, "/status?"+query)
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
	saved := restored(1, 1, 1).Save()
	saved.Accounts[0].Discovered = false
	if _, body := getFrom(t, polled{restore(saved)}, "/api/v1/status?sensor=nix"); !strings.Contains(body, "first discovery is still running") {
		t.Error(body)
	}
}
