package innius_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"innius_exporter/innius"
)

// bodies are the seeds: every shape, and what is none.
func bodies() []string {
	return []string{
		"", "{", "null", "[]", "{}", bom, "<html><title>" + canary + "</title>", canary, `{"data":null}`, `{"data":"` + canary + `"}`,
		`{"data":[]}`,
		`{"data":{"id":"acme","name":"ACME"}}`, `{"data":[{"company_id":12345678901234567890}]}`, `{"DATA":[{"ID":1}],"Next_Key":7}`,
		`{"data":{"machines":[{"machineid":"a","description":"b"}],"next_key":"k"}}`, `{"data":[{"id":"` + canary + `"}]}`,
		`{"data":{"sensors":[{"sensor_id":"a","uom":"bar"}],"next_key":0}}`, `{"data":{"` + canary + `":[]}}`,
		`{"data":[{"id":"a"},null]}`,
		`{"data":{"values":[{"t":1522038000000,"v":18}]}}`,
		`{"data":[{"time":"2026-03-02T12:00:00Z","value":"RUN"},{"t":1e400,"v":1e400}]}`,
		`{"data":[{"timestamp":1522038000.25,"value":true},{"timestamp":[],"value":{}},{"timestamp":"` + canary + `","value":"` +
			canary + `"}]}`,
		`{"data":[{"t":4102444800000,"v":1},{"t":631151999,"v":1},{"t":9999999999999999999,"v":"NaN"}],"next_key":"-"}`,
		`{"data":"acme"}`, `{"data":["acme"]}`, `{"data":{"company":{"id":7}}}`, `{"data":{"points":[{"t":1,"v":2}],"notes":[[1,2]]}}`,
		`{"data":{"points":[["2026-03-02 12:00","12,5"],["20260302T120000+01","45 %"]]},"paging":{"next_key":"` + canary + `"}}`,
		`{"data":[[1772449200,1500000000],[1772449260,1500000000]],"meta":{"next_key":7}}`,
		`{"data":{"values":null,"paging":{"next_key":9}}}`,
		`{"message":"no ` + canary + `"}`, `{"message":7}`,
	}
}

// FuzzDecode covers the decoding of responses: it never panics, makes a list of nothing, or shows the key.
func FuzzDecode(f *testing.F) {
	for i, body := range bodies() {
		f.Add([]byte(body), 200)
		f.Add([]byte(body), []int{200, 201, 204, 302, 401, 429, 500, 502}[i%8])
	}
	f.Fuzz(func(t *testing.T, body []byte, status int) {
		if status < 200 || status > 599 || len(body) > 64<<10 {
			t.Skip()
		}
		c := offline(t, body, status)
		send := func(what string, items any, count int, err error) {
			checkResult(t, what, items, count, err, body, status)
		}
		company, err := c.Company(t.Context())
		send("company", company, 0, err)
		machines, err := c.Machines(t.Context(), "acme", "other")
		send("machines", machines, len(machines.Items), err)
		sensors, err := c.Sensors(t.Context(), "acme", "press", "other")
		send("sensors", sensors, len(sensors.Items), err)
		values, err := c.Newest(t.Context(), refTo("oil"), time.Time{}, innius.Cursor{})
		send("values", values, 0, err)
		checkReadings(t, values.Readings)
	})
}

// always responds the same to each request, without a connection.
type always struct {
	status int
	body   []byte
}

func (a always) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: a.status, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(a.body)), ContentLength: -1, Request: r,
	}, nil
}

// offline is a client of one response. It ends before a retry, which would sleep in real time.
func offline(t *testing.T, body []byte, status int) *innius.Client {
	t.Helper()
	pacer := innius.NewPacer(3.6e12, 1000)
	c, err := innius.New(innius.Options{
		BaseURL: &url.URL{Scheme: "https", Host: "api.example"}, Key: keyIs(canary), Pacer: pacer,
		HTTPClient: &http.Client{Transport: always{status, body}},
		Observe: func(a innius.Attempt) {
			if a.Status >= 502 && a.Status <= 504 {
				t.SkipNow()
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func checkResult(t *testing.T, what string, result any, items int, err error, body []byte, status int) {
	t.Helper()
	if err == nil {
		shown, _ := json.Marshal(result)
		checkHidden(t, string(shown))
		checkSource(t, what, items, body, status)
		return
	}
	checkHidden(t, err.Error())
	if len(err.Error()) > 900 {
		t.Errorf("%s: an error of %d bytes", what, len(err.Error()))
	}
	if got := innius.StatusOf(err); got != status {
		t.Errorf("%s: status %d became %d: %v", what, status, got, err)
	}
}

func checkHidden(t *testing.T, text string) {
	t.Helper()
	if strings.Contains(strings.ToLower(text), strings.ToLower(canary)) {
		t.Errorf("shows the key: %q", text)
	}
}

// checkSource expects that a result came from a success whose JSON holds data, with at least as many objects in it; but for
// lists that may be empty.
func checkSource(t *testing.T, what string, items int, body []byte, status int) {
	t.Helper()
	empty := items == 0 && (what == "sensors" || what == "values")
	if empty && status == http.StatusNoContent {
		return
	}
	if text := bytes.TrimPrefix(body, []byte(bom)); status != http.StatusOK || !json.Valid(text) ||
		!empty && !bytes.Contains(text, []byte(":")) {
		t.Fatalf("%s: a result from status %d and %q", what, status, body)
	}
	goesOn := bytes.Contains(bytes.ToLower(body), []byte("next_key")) || bytes.Contains(body, []byte(`\u`))
	if bytes.Count(body, []byte("{")) < items+1 || what == "machines" && !goesOn && !bytes.Contains(body, []byte("[")) {
		t.Errorf("%s: %d items from %q", what, items, body)
	}
}

func checkReadings(t *testing.T, readings []innius.Reading) {
	t.Helper()
	for _, r := range readings {
		if r.Time.IsZero() != (r.Skip == innius.SkipTime) || !r.Time.IsZero() && (r.Time.Year() < 1990 || r.Time.Year() > 2099) {
			t.Errorf("time %s with skip %q", r.Time, r.Skip)
		}
		if r.Value-r.Value != 0 { // not finite
			t.Errorf("value %v", r.Value)
		}
	}
}
