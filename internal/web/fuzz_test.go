package web

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// FuzzQuery sends any query to the status pages: the response is complete, an error is short, and nothing of the query becomes
// markup.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{
		"", "machine=&sensor=&status=", "machine=m1&sensor=m2-s1", "account=a1&account=a2&account=", "account=%3Cscript%3E", "status=stale", "status=rotten", "machine=a&machine=b", "machine=%zz",
		"a;b", "machine=%22%3E%3Cscript%3Ealert(1)%3C/script%3E", "sensor=%00%ff", "%3Cscript%3E=1", "sensor=Sensor+1&sensor=", "=&=",
		"q=se+1&sort=-age&view=sensors&open=m1", "q=%3Cscript%3E",
	} {
		f.Add(seed)
	}
	s := polled{restored(2, 2, 2)}
	f.Fuzz(func(t *testing.T, raw string) {
		pages := handler(t, s, false)
		page, data := respond(t, pages, "/status", raw), respond(t, pages, "/api/v1/status", raw)
		pageOnly := data.Code == 400 && page.Code == 200 && regexp.MustCompile(`view|sort|open|%`).MatchString(raw)
		if page.Code != data.Code && (data.Code != 404 || page.Code != 200) && !pageOnly || page.Code != 200 && page.Code != 400 && page.Code != 404 {
			t.Fatalf("page %d, data %d", page.Code, data.Code)
		}
		var got struct{ Error string }
		if err := json.Unmarshal(data.Body.Bytes(), &got); err != nil || (got.Error == "") != (data.Code == 200) || len(got.Error) > 1000 {
			t.Fatalf("status %d, %v: %.600s", data.Code, err, data.Body)
		}
		if n := strings.Count(strings.ToLower(page.Body.String()), "<script"); n != 1 {
			t.Fatalf("%d scripts on the page, want its own", n)
		}
	})
}

func respond(t *testing.T, h http.Handler, path, raw string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
	r.URL = &url.URL{Path: path, RawQuery: raw}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
