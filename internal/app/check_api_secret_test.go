package app

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"innius_exporter/internal/config"
)

// escaped writes each character of a text as JSON may.
func escaped(text string) string {
	var b strings.Builder
	for _, r := range text {
		fmt.Fprintf(&b, `\u%04x`, r)
	}
	return b.String()
}

// echoes are responses that contain the key.
func echoes() map[string]http.HandlerFunc {
	response := func(status int, body string, headers ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(headers); i += 2 {
				w.Header().Set(headers[i], headers[i+1])
			}
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	const k = canary
	slashed := strings.ReplaceAll(k, "/", `\/`)
	return map[string]http.HandlerFunc{
		"a message":                  response(403, `{"message":"key `+k+` may not"}`),
		"a message with escapes":     response(401, `{"message":"key `+escaped(k)+` may not"}`),
		"a message with breaks":      response(404, `{"message":"key `+k[:5]+`\n`+k[5:]+` may not"}`),
		"a page":                     response(200, `<html><title>`+html.EscapeString(k)+`</title>`+k+`</html>`),
		"a redirect":                 response(302, "", "Location", "https://elsewhere.invalid/"+url.PathEscape(k)+"?key="+url.QueryEscape(k)),
		"a redirect to a host of it": response(302, "", "Location", "https://"+strings.ToLower(k)+".invalid/"),
		"a type":                     response(200, `{"data":7}`, "Content-Type", k),
		"a retry":                    response(429, `{"message":"`+k+`"}`, "Retry-After", k),
		"an object":                  response(200, `{"data":{"`+k+`":"`+k+`","name":"`+k+`"}}`),
		"an object with escapes":     response(200, `{"data":{"`+escaped(k)+`":"`+escaped(k)+`"}}`),
		"slashes escaped":            response(200, `{"data":{"nr":"`+slashed+`"}}`),
		"a company":                  response(200, `{"data":{"id":"`+k+`","name":"`+k+`"}}`),
		"next to the data":           response(200, `{"`+k+`":1,"data":{"id":"a","name":"`+k+`","x":"`+url.QueryEscape(k)+`"},"y":"`+k+`"}`),
		"far into the response":      response(200, `{"data":["`+strings.Repeat("x", 1190)+k+strings.Repeat("x", 100)+`"]}`),
		"no JSON":                    response(200, k+k),
		"fields in two parts":        response(200, `{"data":{"a":"`+k[:9]+`","b":"`+k[9:]+`"}}`),
		"an object in two parts":     response(200, `{"data":{"id":"`+k[:9]+`","name":"`+k[9:]+`"}}`),
		"objects in two parts":       response(200, `{"data":[{"id":"`+k[:9]+`","name":"`+k[9:]+`","t":"`+k[:9]+`","v":"`+k[9:]+`"}]}`),
		"a message in two parts":     response(400, `{"message":"key `+k[:9]+` - `+k[9:]+` may not"}`),
		"a next_key":                 response(200, `{"data":[{"id":"a","machineid":"b"}],"next_key":"`+k+`"}`),
	}
}

func TestCheckAPIRedactsAReturnedKey(t *testing.T) {
	for name, echo := range echoes() {
		for _, output := range []string{"text", "json"} {
			t.Run(name+"/"+output, func(t *testing.T) {
				d := newWorkDir(t, serve(t, echo)+"/v1")
				var out strings.Builder
				err := (&APICheck{Output: output}).Run(t.Context(), config.Source{File: d.file}, &out)
				if strings.Contains(fmt.Sprint(err), canary) {
					t.Errorf("the key is in the error: %v", err)
				}
				keyless(t, out.String())
			})
		}
	}
}

func TestCheckAPIRedactsAKeyInTheURL(t *testing.T) {
	t.Setenv("INNIUS_URL", "")
	t.Setenv("INNIUS_API_KEY", canary)
	for _, output := range []string{"text", "json"} {
		var out strings.Builder
		source := config.Source{URL: serve(t, normal()) + "/" + canary}
		if err := (&APICheck{Output: output}).Run(t.Context(), source, &out); err == nil {
			t.Error("a wrong path is no failure")
		}
		keyless(t, out.String())
	}
}

// keyless fails the test if a text contains the key, or half of it, in any usual form.
func keyless(t *testing.T, text string) {
	t.Helper()
	solid := strings.ToLower(strings.Join(strings.Fields(text), ""))
	for _, part := range []string{canary, canary[:8], canary[10:]} {
		for _, form := range []string{part, url.QueryEscape(part), url.PathEscape(part), html.EscapeString(part), escaped(part)} {
			if strings.Contains(solid, strings.ToLower(form)) {
				t.Errorf("the key, or %q of it, is in:\n%s", part, text)
				return
			}
		}
	}
}

func TestCheckAPIPrintsNoControlCharacters(t *testing.T) {
	const nasty = `"\u001b[31mred\u0007\r\nline\u202e\u2028"`
	bodies := map[string]string{
		"company": `{"data":{"id":` + nasty + `,"name":` + nasty + `,` + nasty + `:` + nasty + `}}`,
		"shape":   `{"data":{` + nasty + `:` + nasty + `},"message":` + nasty + `}`,
	}
	for name, body := range bodies {
		for _, status := range []int{200, 400, 404} {
			api := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				_, _ = w.Write([]byte(body))
			})
			text, _, _ := newWorkDir(t, serve(t, api)+"/v1").check()
			if strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && (r < ' ' || r == 0x7f || r == 0x202e || r == 0x2028) }) {
				t.Errorf("%s, %d: %q", name, status, text)
			}
		}
	}
}
