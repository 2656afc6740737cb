package innius_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"innius_exporter/innius"
	"innius_exporter/internal/simulator"
)

func TestEveryStatusIsATypedErrorWithItsMessage(t *testing.T) {
	for _, row := range []struct {
		status   int
		requests int
		want     string
	}{
		{400, 1, "status 400 (Bad Request): no key <secret> here"},
		{401, 1, "status 401 (Unauthorized): no key <secret> here"},
		{403, 1, "status 403 (Forbidden): no key <secret> here"},
		{404, 1, "status 404 (Not Found): no key <secret> here"},
		{409, 1, "status 409 (Conflict): no key <secret> here"},
		{418, 1, "status 418 (I'm a teapot): no key <secret> here"},
		{500, 1, "status 500 (Internal Server Error): no key <secret> here"},
		{501, 1, "status 501 (Not Implemented): no key <secret> here"},
		{502, 3, "status 502 (Bad Gateway): no key <secret> here"},
		{503, 3, "status 503 (Service Unavailable): no key <secret> here"},
		{504, 3, "status 504 (Gateway Timeout): no key <secret> here"},
		{599, 1, "status 599 (): no key <secret> here"},
	} {
		for _, call := range calls() {
			t.Run(fmt.Sprintf("%d/%s", row.status, call.name), func(t *testing.T) {
				atNoon(t, func(t *testing.T) {
					h := recorded(respondWith(row.status, `{"Message":" no key `+canary+`\n here\u0000 "}`))
					err := call.send(t, dial(t, h))
					want(t, "error", typed[*innius.Error](t, err), row.want)
					want(t, "StatusOf", innius.StatusOf(err), row.status)
					want(t, "requests", len(h.uris()), row.requests)
				})
			})
		}
	}
}

func TestErrorsNameTheOperation(t *testing.T) {
	for i, attempted := range []string{
		"get the company: ", "list the machines: ", `list the sensors of machine "press": `,
		`get the values of sensor "oil" of machine "press": `,
	} {
		t.Run(calls()[i].name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				err := calls()[i].send(t, dial(t, respondWith(404, `{"message":"gone"}`)))
				want(t, "error", err, attempted+"status 404 (Not Found): gone")
			})
		})
	}
}

func TestFailureWithoutAMessageDescribesItsBody(t *testing.T) {
	long := strings.Repeat("ü", 200)
	for _, row := range []struct{ name, body, want string }{
		{"empty", "", "empty body"},
		{"blank", " \n ", "empty body"},
		{
			"an HTML page", "<!DOCTYPE html><html><head><TITLE lang=en>\n Bad &amp; broken\n</TITLE></head></html>",
			`an HTML page titled "Bad & broken"`,
		},
		{"an HTML page after a byte order mark", bom + "<html><title>Bad</title></html>", `an HTML page titled "Bad"`},
		{"an HTML page without a title", "<html><body>Bad</body></html>", "an HTML page"},
		{"an HTML page that is cut", "<html><title>Ba", "an HTML page"},
		{"plain text", "upstream\tconnect\r\n error", "upstream connect error"},
		{"JSON without a message", `{"error":"x"}`, `{"error":"x"}`},
		{"a message that is no text", `{"message":{"code":7}}`, `{"message":{"code":7}}`},
		{"a blank message", `{"message":" "}`, `{"message":" "}`},
		{"a message after a byte order mark", bom + `{"message":"gone"}`, "gone"},
		{"a long message", `{"message":"` + long + `"}`, strings.Repeat("ü", 150) + "…"},
		{"a long text", "x" + long, "x" + strings.Repeat("ü", 149) + "…"},
		{"characters that are no UTF-8", "a\xffb", "a\uFFFDb"},
		{"characters that command a terminal", "a\x1b[31mb\u202ec\u200bd", "a[31mbcd"},
	} {
		t.Run(row.name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				err := calls()[1].send(t, dial(t, respondWith(500, row.body)))
				want(t, "message", typed[*innius.Error](t, err).Message, row.want)
			})
		})
	}
}

func TestGatewayPageKeepsItsStatus(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		c, server := simulated(t, hall(), simulator.Options{})
		server.Inject(simulator.Fault{Kind: simulator.BadGatewayHTML})
		_, err := c.Company(t.Context())
		want(t, "error", err, `get the company: status 502 (Bad Gateway): an HTML page titled "502 Bad Gateway"`)
		want(t, "StatusOf", innius.StatusOf(err), 502)
	})
}

func TestOtherSuccessStatusIsAnError(t *testing.T) {
	for _, status := range []int{201, 202, 204, 206, 226} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				body := `{"data":[]}`
				if status == 204 {
					body = ""
				}
				got := responseError(t, dial(t, respondWith(status, body)), calls()[1].send)
				want(t, "error", *got, innius.ResponseError{Status: status, Detail: "only 200 is known as success"})
			})
		})
	}
}

func TestStatusOfIsZeroWithoutAResponse(t *testing.T) {
	want(t, "of nil", innius.StatusOf(nil), 0)
	want(t, "of a pause", innius.StatusOf(innius.ErrPaused), 0)
	want(t, "of a network failure", innius.StatusOf(&innius.NetworkError{}), 0)
	want(t, "of a 429", innius.StatusOf(fmt.Errorf("x: %w", &innius.Error{Status: http.StatusTooManyRequests})), 429)
	want(t, "of a redirect", innius.StatusOf(fmt.Errorf("x: %w", &innius.RedirectError{Status: 308})), 308)
}
