package web

import (
	"encoding/json"
	"html"
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
		"q=SENSOR": 24, "q=m2-S+sor+3": 2, "q=+works++MACHINE+m3-s4+": 2, "q=A2+m1": 4, "q=Sensor+3&machine=m1": 2,
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
		"/status": "", "/status?sensor=&machine=Machine+1&sort=age&open=m1": "machine=Machine+1",
		"/status?status=stale&q=Sensor+2&view=sensors": "q=Sensor+2&status=stale", "/status?account=a%26b&account=c": "account=a%26b&account=c",
	} {
		_, body := get(t, plant(1, 1, 2), path)
		if !strings.Contains(html.UnescapeString(body), `<a href="api/v1/status?`+want+`">as JSON</a>`) {
			t.Errorf("%s: no link to %s in %.3000s", path, want, body[strings.Index(body, `<p class="foot">`):])
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
		t.Error("the response without a selection has them")
	}
	if _, body := getFrom(t, s, "/api/v1/status?sensor=m1-s1"); !strings.Contains(body, `"recent":[[`) {
		t.Errorf("the response about one sensor has none: %s", body)
	}
}

func TestBadQueryReturnsOneError(t *testing.T) {
	s, hostile := polled{restored(1, 2, 2)}, url.QueryEscape(`<script>alert(1)</script>"onmouseover=`)
	for query, want := range map[string]struct {
		code int
		text string
		page int // status code of the page
	}{
		"account=nix":                   {404, `no account is named "nix"`, 404},
		"account=a1&account=" + hostile: {404, `no account is named "<script>`, 404},
		"account=nix&machine=m1":        {404, `no account is named "nix"`, 404},
		"machine=nix":                   {404, `unknown machine "nix"; write its exact label, id or name`, 200},
		"sensor=nix":                    {404, `unknown sensor "nix"`, 200},
		"machine=m1&sensor=m2-s1":       {404, `unknown sensor "m2-s1" of machine "m1"`, 200},
		"machine=machine+1":             {404, `unknown machine "machine 1"`, 200},
		"machine=nix&status=stale":      {404, `unknown machine "nix"`, 200},
		"q=Sensor+nix":                  {404, `no machine or sensor has the words "Sensor nix"`, 200},
		"status=rotten":                 {400, `unknown status "rotten"; known are excluded, pending, failing, unreadable, no_readings, stale, silent, delayed, current`, 400},
		"name=x":                        {400, `unknown parameter "name"; known are account, q, machine, sensor, status`, 400},
		"machine=a&machine=b":           {400, `parameter "machine" is given 2 times`, 400},
		"machine=%zz":                   {400, "malformed query", 400},
		"machine=" + hostile:            {404, `unknown machine "<script>`, 200},
		"sensor=" + long("x", 60000):    {404, `unknown sensor "xxx`, 200},
		"q=" + long("x+", 100):          {400, "q has 200 bytes; at most 160 are searched", 400},
		hostile + "=1":                  {400, `unknown parameter "<script>`, 400},
	} {
		code, body := getFrom(t, s, "/api/v1/status?"+query)
		var got struct{ Error string }
		if err := json.Unmarshal([]byte(body), &got); err != nil || code != want.code || !strings.Contains(got.Error, want.text) {
			t.Errorf("%.80s: status %d, %v: %.300s", query, code, err, body)
		}
		code, page := getFrom(t, s, "/status?"+query)
		if code != want.page || !strings.Contains(page, `<p class="problem">`) || strings.Contains(page, "<script>alert") ||
			strings.Contains(page, `"onmouseover`) {
			t.Errorf("%.80s: page with status %d:\n%.3000s", query, code, page)
		}
		if len(got.Error) > 500 {
			t.Errorf("%.80s: an error of %d bytes", query, len(got.Error))
		}
	}
	for query, want := range map[string]string{"view=x": "unknown view", "sort=recent": "no column", "sort=-x": "no column"} {
		if code, page := getFrom(t, s, "/status?"+query); code != 400 || !strings.Contains(page, want) {
			t.Errorf("%s: status %d", query, code)
		}
		if code, _ := getFrom(t, s, "/api/v1/status?"+query); code != 400 {
			t.Errorf("JSON with %s: status %d", query, code)
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
