package innius_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/simulator"
)

// noKey fails where a text holds the key, as it is or put together again from what splits it.
func noKey(t *testing.T, text string) {
	t.Helper()
	solid := strings.NewReplacer(" ", "", "\n", "", "\r", "", "\t", "", "\x00", "", "\x1b", "", "\u200b", "").Replace(text)
	forms := []string{canary, url.QueryEscape(canary), url.PathEscape(canary), html.EscapeString(canary)}
	for _, format := range []string{`\u%04x`, `\x%02x`, "%%%02x", "&#%d;", "&#x%x;"} {
		forms = append(forms, each(canary[2:8], format))
	}
	for _, form := range append(forms, base64.StdEncoding.EncodeToString([]byte(canary)[:15])) {
		if strings.Contains(strings.ToLower(solid), strings.ToLower(form)) {
			t.Errorf("holds the key: %q", text)
		}
	}
}

// each writes every character of a text in a format.
func each(text, format string) string {
	var b strings.Builder
	for _, r := range text {
		fmt.Fprintf(&b, format, r)
	}
	return b.String()
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
		"in base64":                     base64.StdEncoding.EncodeToString([]byte(canary)),
		"in base64 behind a name":       base64.StdEncoding.EncodeToString([]byte("x-api-key: " + canary + "\r\n")),
		"in base64 for URLs":            base64.RawURLEncoding.EncodeToString([]byte("?" + canary)),
		"as JSON's escapes":             each(canary, `\u%04x`),
		"as JSON's escapes, partly":     canary[:5] + each(canary[5:7], `\u%04X`) + canary[7:],
		"as Go's escapes":               each(canary, `\x%02x`),
		"every byte escaped for a URL":  each(canary, "%%%02X"),
		"as HTML's numbers":             each(canary, "&#%d;"),
		"as HTML's hexadecimals":        each(canary, "&#x%X;"),
		"as HTML's names":               strings.NewReplacer("+", "&plus;", "/", "&sol;").Replace(canary),
		"at the cut":                    strings.Repeat("x", 290) + canary,
	}
}

func TestKeyIsRedactedInEveryMessage(t *testing.T) {
	for name, text := range disguises() {
		message, err := json.Marshal(map[string]string{"message": "no " + text + " here"})
		if err != nil {
			t.Fatal(err)
		}
		for kind, h := range map[string]http.Handler{
			"message":         respondWith(500, string(message)),
			"HTML title":      respondWith(500, "<html><title>"+html.EscapeString(text)+"</title>"),
			"plain text":      respondWith(500, text),
			"other JSON":      respondWith(500, strings.Replace(string(message), "message", "error", 1)),
			"429":             respondWith(429, string(message)),
			"success as text": respondWith(200, text),
			"field names":     respondWith(200, strings.ReplaceAll(string(message), `"no `, `"x`)),
		} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				atNoon(t, func(t *testing.T) {
					err := calls()[1].send(t, dial(t, h))
					noKey(t, err.Error())
					noKey(t, fmt.Sprintf("%#v", err))
					if kind != "field names" && name != "at the cut" {
						want(t, "<secret> where it was: "+err.Error(), strings.Contains(err.Error(), "<secret>"), true)
					}
				})
			})
		}
	}
}

func TestKeyIsRedactedInEveryPartOfAResponse(t *testing.T) {
	malformed := func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_, _ = conn.Write([]byte("HTTP/1.1 " + canary + "\r\n\r\n"))
			_ = conn.Close()
		}
	}
	for name, h := range map[string]http.Handler{
		"field names of the response": respondWith(200, `{"`+canary+`":1}`),
		"field names of data":         respondWith(200, `{"data":{"`+canary+`":1}}`),
		"field names of an object":    respondWith(200, `{"data":[{"`+canary+`":1}]}`),
		"an id":                       respondWith(200, `{"data":[{"id":"`+canary+`"}]}`),
		"an id that escapes it":       respondWith(200, `{"data":[{"id":"`+url.QueryEscape(canary)+`"}]}`),
		"an id that splits it":        respondWith(200, `{"data":[{"id":"`+canary[:4]+`\u0001`+canary[4:]+`"}]}`),
		"the host of a redirect": respondWith(302, "", "Location",
			"https://"+strings.ReplaceAll(url.PathEscape(canary), "=", "%3d")+".example/"),
		"the status line": http.HandlerFunc(malformed),
	} {
		t.Run(name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				err := calls()[1].send(t, dial(t, h, newConnections))
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

func TestEchoOfTheKeyIsRedacted(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		c, server := simulated(t, hall(), simulator.Options{})
		server.Inject(simulator.Fault{Kind: simulator.EchoKey})
		for _, call := range calls() {
			err := call.send(t, c)
			want(t, call.name, typed[*innius.Error](t, err).Message, "no handler for key <secret>[31m")
		}
		want(t, "faults", server.Stats().Faults[simulator.EchoKey], 4)
	})
}

func TestResponseThatReturnsTheKeyIsUnusable(t *testing.T) {
	for form, text := range disguises() {
		quoted, _ := json.Marshal(text)
		for _, row := range []struct{ field, object string }{
			{"id", `{"id":%s}`}, {"name", `{"id":"x","name":%s}`}, {"unit", `{"id":"x","unit":%s}`},
		} {
			atNoon(t, func(t *testing.T) {
				object := fmt.Sprintf(row.object, quoted)
				for i, body := range []string{`{"data":` + object + `}`, `{"data":[` + object + `]}`, `{"data":[` + object + `]}`} {
					if call := calls()[i]; row.field != "unit" || call.name == "sensors" {
						detail := responseError(t, dial(t, respondWith(200, body)), call.send).Detail
						want(t, form+", "+row.field+" of "+call.name, strings.HasPrefix(detail, "the API returned the key ("), true)
						noKey(t, detail)
					}
				}
			})
		}
		for _, place := range []string{`"next_key":%s`, `"paging":{"next_key":%s}`} {
			atNoon(t, func(t *testing.T) {
				h := recording(`{"data":[],` + fmt.Sprintf(place, quoted) + `}`)
				for _, call := range calls()[1:] {
					want(t, form, responseError(t, dial(t, h), call.send).Detail, "the API returned the key (next_key)")
				}
				want(t, "requests", len(h.uris()), 3)
			})
		}
	}
}

func TestTextsOfReadingsWithTheKeyAreMasked(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		c := dial(t, respondWith(200,
			`{"data":[{"t":"`+canary+`","v":1},{"t":"2026-03-02T12:00:00Z","v":"`+canary+`"},{"t":["`+canary+`"]}]}`))
		got := send(t, c, time.Time{}, innius.Cursor{})
		noKey(t, fmt.Sprintf("%+v %#v", got, got))
		want(t, "the value", newestOf(t, got), innius.Reading{Time: noon(), Text: "<secret>", Skip: innius.SkipText})
		want(t, "the time", got.Readings[0], innius.Reading{Text: "<secret>", Skip: innius.SkipTime})
	})
}

func TestHalfAKeyAtTheEndOfATextIsNotShown(t *testing.T) {
	for _, cut := range []int{3, 8, len(canary) - 1} {
		atNoon(t, func(t *testing.T) {
			body := "begin" + strings.Repeat(" ", 64<<10-5-cut) + canary + " end"
			message := typed[*innius.Error](t, calls()[1].send(t, dial(t, respondWith(500, body)))).Message
			want(t, "message", message, "begin")
		})
	}
}

func TestLongTextWithoutSpacesIsShown(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		body := "x: " + strings.Repeat("y", 100<<10)
		want(t, "message", typed[*innius.Error](t, calls()[1].send(t, dial(t, respondWith(500, body)))).Message, body[:300]+"…")
	})
}

func TestTextWithAnEscapedKeyIsNotShown(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		for _, size := range []int{1, 32, 512} {
			key := strings.Repeat(`Ab+/9\"~`, size)
			for text, message := range map[string]string{
				key: "before <secret> behind", strings.ToUpper(key): "before <secret> behind", url.QueryEscape(key): "<secret>",
			} {
				c := dial(t, respondWith(500, "before "+text+" behind"), func(o *innius.Options) { o.Key = keyIs(key) })
				want(t, "message", typed[*innius.Error](t, calls()[1].send(t, c)).Message, message)
			}
		}
	})
}

func TestTextThatOnlyLooksEscapedIsUnchanged(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		for _, text := range []string{`R&D &amp; 100 % of C:\users\x \u0041&#65; %zz %41`, canary[1:8] + "," + canary[len(canary)-7:]} {
			want(t, "message", typed[*innius.Error](t, calls()[1].send(t, dial(t, respondWith(500, text)))).Message, text)
		}
	})
}

func TestPartsOfTheKeyAreRedacted(t *testing.T) {
	for name, row := range map[string]struct{ text, want string }{
		"two halves":      {canary[:9] + `","` + canary[9:], `<secret>","<secret>`},
		"all but one":     {canary[1:] + " x " + canary[:len(canary)-1], "<secret> x <secret>"},
		"upper case":      {"no key " + strings.ToUpper(canary[3:11]) + "!", "no key <secret>!"},
		"inside a word":   {"ü" + canary[4:12] + "ü", "ü<secret>ü"},
		"part and whole":  {canary + canary[4:12], "<secret><secret>"},
		"escaped":         {"no key " + url.QueryEscape(canary[:9]), "<secret>"},
		"split by a gap":  {"no key " + canary[:5] + " " + canary[5:9], "<secret>"},
		"in base64":       {base64.StdEncoding.EncodeToString([]byte(canary[:9])), "<secret>"},
		"seven at a time": {canary[:7] + "." + canary[7:14], canary[:7] + "." + canary[7:14]},
	} {
		t.Run(name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				c := dial(t, respondWith(500, row.text))
				want(t, "message", typed[*innius.Error](t, calls()[1].send(t, c)).Message, row.want)
				quoted, _ := json.Marshal(row.text)
				in := dial(t, respondWith(200, `{"data":[{"id":"x","name":`+string(quoted)+`}]}`)).
					Inspect(t.Context(), innius.InspectRequest{Operation: innius.OpMachines})
				if in.Err == nil { // with the whole key, the response is unusable
					want(t, "name", in.Objects[0].Name, row.want)
				}
				want(t, "raw holds a part", strings.Contains(in.Raw, canary[:8]) || strings.Contains(in.Raw, canary[9:17]), false)
			})
		})
	}
}

func TestClientDoesNotPrintItsKey(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		c := dial(t, recording(`{"data":{"id":"acme"}}`))
		_, err := c.Company(t.Context())
		want(t, "error", err, nil)
		noKey(t, fmt.Sprintf("%v %+v %#v", c, c, c))
	})
}
