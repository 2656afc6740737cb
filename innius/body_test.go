package innius_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/simulator"
)

func TestResponseThatIsNotJSONIsATypedError(t *testing.T) {
	for _, row := range []struct {
		fault simulator.FaultKind
		want  string
	}{
		{simulator.Maintenance, `no JSON: an HTML page titled "We’ll be back soon"`},
		{simulator.EmptyBody, "no JSON: empty body"},
		{simulator.Cut, "the body was cut off after 20 bytes: unexpected EOF"},
		{simulator.EndlessBody, "the body is larger than 4 MiB"},
	} {
		t.Run(string(row.fault), func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				c, server := simulated(t, hall(), simulator.Options{})
				server.Inject(simulator.Fault{Kind: row.fault})
				got := responseError(t, c, calls()[0].send)
				want(t, "error", *got, innius.ResponseError{Status: 200, Detail: row.want})
				want(t, "faults", server.Stats().Faults[row.fault], 1)
				want(t, "requests", server.Stats().Requests, 1)
			})
		})
	}
}

func TestErrorDescribesABodyThatIsNotJSON(t *testing.T) {
	for _, row := range []struct{ name, body, want string }{
		{"JSON that is cut", `{"data":[{"id":"a"},{"i`, "the JSON is cut off after 23 bytes"},
		{"JSON that only began", `{`, "the JSON is cut off after 1 bytes"},
		{"text", "OK", "no JSON: invalid character 'O' looking for beginning of value: OK"},
		{"two documents", `{"data":[]}{"data":[]}`, `no JSON: more text after the end of the JSON: {"data":[]}{"data":[]}`},
		{"an HTML page after white space", "\n<html><title>Login</title></html>", `no JSON: an HTML page titled "Login"`},
		{"only a byte order mark", bom, "no JSON: empty body"},
		{"an HTML page after a byte order mark", bom + "<html></html>", "no JSON: an HTML page"},
	} {
		t.Run(row.name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				got := responseError(t, dial(t, respondWith(200, row.body)), calls()[1].send)
				want(t, "error", *got, innius.ResponseError{Status: 200, Detail: row.want})
			})
		})
	}
}

func TestBodyBoundIsExact(t *testing.T) {
	const most = 4 << 20
	for _, row := range []struct {
		size int
		want string
	}{{most, "<nil>"}, {most + 1, "list the machines: unexpected response (status 200): the body is larger than 4 MiB"}} {
		t.Run(fmt.Sprint(row.size), func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				const body = `{"data":[]}`
				err := calls()[1].send(t, dial(t, respondWith(200, body+strings.Repeat(" ", row.size-len(body)))))
				want(t, "error", fmt.Sprint(err), row.want)
			})
		})
	}
}

func TestBodyBoundCountsUncompressedBytes(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = io.CopyN(z, zeros{}, 64<<20)
			_ = z.Close()
		})
		want(t, "error", responseError(t, dial(t, h), calls()[1].send).Detail, "the body is larger than 4 MiB")
	})
}

// zeros reads as an endless text of noughts.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

func TestSlowBodyEndsAtTheTimeout(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, " ")
				_ = http.NewResponseController(w).Flush()
				time.Sleep(time.Second)
			}
		})
		var seen []innius.Attempt
		c := dial(t, h, func(o *innius.Options) { o.Observe = func(a innius.Attempt) { seen = append(seen, a) } })
		err := calls()[1].send(t, c)
		want(t, "timeout", typed[*innius.NetworkError](t, err).Timeout, true)
		want(t, "took", time.Since(noon()), 10*time.Second)
		want(t, "attempts", seen, []innius.Attempt{{Operation: innius.OpMachines, Status: 200, Duration: 10 * time.Second}})
	})
}
