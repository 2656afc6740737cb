package innius_test

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/innius/simulator"
)

// noKey fails where a text holds the key, as it is or put together again from what splits it.
func noKey(t *testing.T, text string) {
	t.Helper()
	solid := strings.NewReplacer(" ", "", "\n", "", "\r", "", "\t", "", "\x00", "", "\x1b", "", "\u200b", "").Replace(text)
	for _, form := range []string{canary, url.QueryEscape(canary), url.PathEscape(canary), html.EscapeString(canary)} {
		if strings.Contains(strings.ToLower(solid), strings.ToLower(form)) {
			t.Errorf("holds the key: %q", text)
		}
	}
}

// disguises are texts that hold the key in the ways that it may come back.
func disguises() map[string]string {
	return map[string]string{
		"as it is":                      canary,
		"twice":                         canary + canary,
		"upper case":                    strings.ToUpper(canary),
		"lower case":                    strings.ToLower(canary),
		"escaped for a query":           url.QueryEscape(canary),
		"escaped in lower case":         strings.ToLower(url.QueryEscape(canary)),
		"escaped for a path":            url.PathEscape(canary),
		"split by control characters":   strings.Join(strings.Split(canary, ""), "\x00\x1b"),
		"split by an invisible mark":    canary[:5] + "\u200b" + canary[5:],
		"split by a line break":         canary[:5] + "\r\n" + canary[5:],
		"split by a space":              canary[:5] + " " + canary[5:],
		"split by a non-breaking space": canary[:5] + "\u00a0" + canary[5:],
		"in the middle of a word":       "xx" + canary + "yy",
		"at the cut":                    strings.Repeat("x", 290) + canary,
	}
}

func TestTheKeyIsCutOutOfEveryMessage(t *testing.T) {
	for name, text := range disguises() {
		message, err := json.Marshal(map[string]string{"message": "no " + text + " here"})
		if err != nil {
			t.Fatal(err)
		}
		for kind, h := range map[string]http.Handler{
			"message":         answering(500, string(message)),
			"HTML title":      answering(500, "<html><title>"+html.EscapeString(text)+"</title>"),
			"plain text":      answering(500, text),
			"other JSON":      answering(500, strings.Replace(string(message), "message", "error", 1)),
			"429":             answering(429, string(message)),
			"success as text": answering(200, text),
			"field names":     answering(200, strings.ReplaceAll(string(message), `"no `, `"x`)),
		} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				atNoon(t, func(t *testing.T) {
					err := calls()[1].ask(t, dial(t, h))
					noKey(t, err.Error())
					noKey(t, fmt.Sprintf("%#v", err))
					escaped := kind == "other JSON" && strings.HasPrefix(name, "split by") // JSON's own escapes then stand between
					if kind != "field names" && name != "at the cut" && !escaped {
						want(t, "<secret> where it was: "+err.Error(), strings.Contains(err.Error(), "<secret>"), true)
					}
				})
			})
		}
	}
}

func TestTheKeyIsCutOutOfEveryPartOfAnAnswer(t *testing.T) {
	malformed := func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_, _ = conn.Write([]byte("HTTP/1.1 " + canary + "\r\n\r\n"))
			_ = conn.Close()
		}
	}
	for name, h := range map[string]http.Handler{
		"field names of the answer": answering(200, `{"`+canary+`":1}`),
		"field names of data":       answering(200, `{"data":{"`+canary+`":1}}`),
		"field names of an object":  answering(200, `{"data":[{"`+canary+`":1}]}`),
		"an id":                     answering(200, `{"data":[{"id":"`+canary+`"}]}`),
		"an id that escapes it":     answering(200, `{"data":[{"id":"`+url.QueryEscape(canary)+`"}]}`),
		"an id that splits it":      answering(200, `{"data":[{"id":"`+canary[:4]+`\u0001`+canary[4:]+`"}]}`),
		"the host of a redirect":    answering(302, "", "Location", "https://"+strings.ReplaceAll(url.PathEscape(canary), "=", "%3d")+".example/"),
		"the status line":           http.HandlerFunc(malformed),
	} {
		t.Run(name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				err := calls()[1].ask(t, dial(t, h, newConnections))
				if err == nil {
					t.Fatal("no error")
				}
				noKey(t, err.Error())
				if !strings.HasPrefix(name, "an id") && !strings.HasPrefix(name, "the host") {
					want(t, "<secret> where it was: "+err.Error(), strings.Contains(err.Error(), "<secret>"), true)
				}
			})
		})
	}
}

func TestAnEchoOfTheKeyIsCutOut(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		c, server := simulated(t, hall(), simulator.Options{})
		server.Inject(simulator.Fault{Kind: simulator.EchoKey})
		for _, call := range calls() {
			err := call.ask(t, c)
			want(t, call.name, typed[*innius.Error](t, err).Message, "no handler for key <secret>[31m")
		}
		want(t, "faults", server.Stats().Faults[simulator.EchoKey], 4)
	})
}

func TestNamesUnitsAndTextsThatHoldTheKeyAreMasked(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		object := `{"id":"x","name":"a ` + canary + `","unit":"` + strings.ToUpper(canary) + `"}`
		company, err := dial(t, answering(200, `{"data":`+object+`}`)).Company(t.Context())
		want(t, "company", fmt.Sprint(company, err), "{x a <secret>} <nil>")
		c := dial(t, answering(200, `{"data":[`+object+`]}`))
		machines, err := collect(c.Machines(t.Context(), "x", ""))
		want(t, "machines", fmt.Sprint(machines, err), "[{x a <secret>}] <nil>")
		sensors, err := collect(c.Sensors(t.Context(), "x", "x", ""))
		want(t, "sensors", fmt.Sprint(sensors, err), "[{x a <secret> <secret>}] <nil>")
		c = dial(t, answering(200, `{"data":[{"t":"`+canary+`","v":1},{"t":"2026-03-02T12:00:00Z","v":"`+canary+`"},{"t":["`+canary+`"]}]}`))
		got := ask(t, c, time.Time{}, innius.Cursor{})
		noKey(t, fmt.Sprintf("%+v %#v", got, got))
		want(t, "the value", newestOf(t, got), innius.Reading{Time: noon(), Text: "<secret>", Skip: innius.SkipText})
		want(t, "the time", got.Readings[0], innius.Reading{Text: "<secret>", Skip: innius.SkipTime})
	})
}

func TestHalfAKeyAtTheEndOfAReadTextIsNotShown(t *testing.T) {
	for _, cut := range []int{3, 8, len(canary) - 1} {
		atNoon(t, func(t *testing.T) {
			body := "begin" + strings.Repeat(" ", 64<<10-5-cut) + canary + " end"
			message := typed[*innius.Error](t, calls()[1].ask(t, dial(t, answering(500, body)))).Message
			want(t, "message", message, "begin")
		})
	}
}

func TestALongTextWithoutSpacesIsStillShown(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		body := "x: " + strings.Repeat("y", 100<<10)
		want(t, "message", typed[*innius.Error](t, calls()[1].ask(t, dial(t, answering(500, body)))).Message, body[:300]+"…")
	})
}

func TestTheClientDoesNotPrintItsKey(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		c := dial(t, recording(`{"data":{"id":"acme"}}`))
		_, err := c.Company(t.Context())
		want(t, "error", err, nil)
		noKey(t, fmt.Sprintf("%v %+v %#v", c, c, c))
	})
}
