package simulator

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testKey = "key-of-the-test"

// visitor sends requests to a Server inside a bubble.
type visitor struct {
	t      *testing.T
	server *Server
	client *http.Client
	key    string
}

// got is a response, or the error instead of one.
type got struct {
	status int
	header http.Header
	body   string
	err    error // of the request, or of reading the body
}

// visit runs a test in a bubble, against a Server over Client; at its end no goroutine may be left.
func visit(t *testing.T, p Plant, o Options, story func(t *testing.T, v *visitor)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if o.Key == "" {
			o.Key = testKey
		}
		s := New(p, o)
		client, closeAll := s.Client()
		defer closeAll()
		story(t, &visitor{t: t, server: s, client: client, key: o.Key})
	})
}

func (v *visitor) get(path string) got {
	v.t.Helper()
	req, err := http.NewRequestWithContext(v.t.Context(), http.MethodGet, "http://innius.test"+path, http.NoBody)
	if err != nil {
		v.t.Fatal(err)
	}
	req.Header.Set("x-api-key", v.key)
	resp, err := v.client.Do(req)
	if err != nil {
		return got{err: err}
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return got{status: resp.StatusCode, header: resp.Header, body: string(body), err: err}
}

// is fails the test unless the response has this status.
func (v *visitor) is(g got, status int) {
	v.t.Helper()
	if g.err != nil || g.status != status {
		v.t.Fatalf("got status %d, error %v, body %.200q; want status %d", g.status, g.err, g.body, status)
	}
}

// message is the field of that name of a failure.
func (v *visitor) message(g got) string {
	v.t.Helper()
	var b struct{ Message string }
	v.decode(g, &b)
	return b.Message
}

func (v *visitor) decode(g got, into any) {
	v.t.Helper()
	if err := errors.Join(g.err, json.Unmarshal([]byte(g.body), into)); err != nil {
		v.t.Fatalf("%v in %.200q", err, g.body)
	}
}

// small is a plant of one machine with two sensors: one reading each second, and one that exists by a rule.
func small() Plant {
	return Plant{Company: Company{ID: "acme", Name: "Acme", Machines: []Machine{
		{ID: "m1", Name: "One", Sensors: []Sensor{
			{ID: "fast", Name: "Fast", Unit: "bar", Period: time.Second},
			{ID: "odd", Name: "Odd", Period: time.Minute, Exists: func(at time.Time) bool { return at.Minute()%2 == 1 }},
		}},
		{ID: "m2"},
	}}}
}

const (
	machinesPath = "/companies/acme/machines"
	sensorsPath  = machinesPath + "/m1/sensors"
	fastValues   = sensorsPath + "/fast/values"
	oddValues    = sensorsPath + "/odd/values"
)
