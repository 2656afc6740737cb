package innius

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// FuzzEndpoint protects the objects from being mistaken for each other: whatever an id holds, it arrives whole, in its
// own segment of the path, on the host of the base URL.
func FuzzEndpoint(f *testing.F) {
	for _, id := range []string{
		"press 1", "a/b", "..", ".", "%2F", "why?", "a#b", "ü", "工場", "{sensor}", "a;b&c=d+e",
		"\x00", "\xff", `\`,
	} {
		f.Add(id, "oil", id, "")
		f.Add("acme", id, "k/+1", "/{company}/{machine}/{sensor}?k={start_key}&f={from_ms}")
	}
	f.Add("acme", "oil", "", "/x/{sensor}?a=%zz&limit=5")
	f.Add("acme", "oil", "1", "/%/{sensor}")
	f.Add("acme", "oil", "1", "//{sensor}/..?&&={limit}=")
	f.Fuzz(func(t *testing.T, machine, sensor, key, template string) {
		ref := SensorRef{Company: "acme", Machine: machine, Sensor: sensor}
		r := request{op: OpValues, ref: ref, startKey: key, limit: 7, from: time.Unix(0, 0)}
		if machine != "" && sensor != "" {
			checkDefaultPath(t, r)
		}
		if CheckEndpoint(OpValues, template) == nil {
			checkAddress(t, "https://api.example/v1"+Endpoints{Values: template}.expand(r))
		}
	})
}

func checkDefaultPath(t *testing.T, r request) {
	t.Helper()
	u := checkAddress(t, "https://api.example/v1"+Endpoints{}.expand(r))
	segments := strings.Split(u.EscapedPath(), "/")
	if len(segments) != 9 {
		t.Fatalf("%q, %q: %d segments in %s", r.ref.Machine, r.ref.Sensor, len(segments), u)
	}
	for i, id := range map[int]string{3: r.ref.Company, 5: r.ref.Machine, 7: r.ref.Sensor} {
		if segments[i] == "." || segments[i] == ".." {
			t.Errorf("%q: the segment %q leads elsewhere", id, segments[i])
		}
		if plain, err := url.PathUnescape(segments[i]); err != nil || plain != id {
			t.Errorf("%q arrives as %q, %v", id, plain, err)
		}
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil || query.Get("limit") != "7" || query.Get("start_key") != r.startKey ||
		query.Has("start_key") != (r.startKey != "") {
		t.Errorf("query %q, %v of key %q", u.RawQuery, err, r.startKey)
	}
}

// checkAddress expects an address that net/http takes, on the one host.
func checkAddress(t *testing.T, address string) *url.URL {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatalf("%q: %v", address, err)
	}
	if request.URL.Host != "api.example" || request.URL.Fragment != "" || !strings.HasPrefix(request.URL.Path, "/v1/") {
		t.Errorf("%q became %q", address, request.URL)
	}
	return request.URL
}
