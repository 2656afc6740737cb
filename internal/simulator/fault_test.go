package simulator

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// withFault sends a request with one fault in force, and checks that it happened once and is counted.
func withFault(t *testing.T, f Fault, path string, check func(v *visitor, g got)) {
	t.Helper()
	t.Run(string(f.Kind), func(t *testing.T) {
		visit(t, small(), Options{}, func(t *testing.T, v *visitor) {
			v.server.Inject(f)
			check(v, v.get(path))
			if faults := v.server.Stats().Faults; len(faults) != 1 || faults[f.Kind] != 1 {
				t.Errorf("faults counted: %v, want one %s", faults, f.Kind)
			}
		})
	})
}

func TestFaultsWithAFixedResponse(t *testing.T) {
	for kind, want := range map[FaultKind]struct {
		status int
		body   string
	}{
		TooMany:        {429, "Too Many Requests"},
		ServerError:    {500, "Internal server error"},
		BadGatewayHTML: {502, "<title>502 Bad Gateway</title>"},
		Maintenance:    {200, "<!DOCTYPE html>"},
		Unavailable:    {503, "Service Unavailable"},
		GatewayTimeout: {504, "timed out"},
		EmptyBody:      {200, ""},
		EchoKey:        {500, testKey},
		Forbidden:      {403, "message"},
		NotFound:       {404, "message"},
		BadRequest:     {400, "message"},
		NotAList:       {200, `"data":"`},
	} {
		withFault(t, Fault{Kind: kind}, machinesPath, func(v *visitor, g got) {
			v.is(g, want.status)
			if !strings.Contains(g.body, want.body) || want.body == "" && g.body != "" {
				v.t.Errorf("body %q, want %q in it", g.body, want.body)
			}
		})
	}
}

func TestEchoedKeyComesWithControlCharacters(t *testing.T) {
	withFault(t, Fault{Kind: EchoKey}, machinesPath, func(v *visitor, g got) {
		if m := v.message(g); !strings.Contains(m, testKey) || !strings.Contains(m, "\x1b") {
			v.t.Errorf("message %q", m)
		}
	})
}

func TestRedirectLeadsToAnotherHost(t *testing.T) {
	visit(t, small(), Options{}, func(t *testing.T, v *visitor) {
		v.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		v.server.Inject(Fault{Kind: Redirect})
		g := v.get(machinesPath)
		v.is(g, http.StatusFound)
		if to := g.header.Get("Location"); to != "https://elsewhere.example"+machinesPath {
			t.Errorf("Location %q", to)
		}
		if v.server.Stats().Faults[Redirect] != 1 {
			t.Error("not counted")
		}
	})
}

func TestTooManyStatesTheGivenWait(t *testing.T) {
	for want, f := range map[string]Fault{
		"60": {}, "90": {Delay: 90 * time.Second}, "soon": {RetryAfter: "soon"},
	} {
		f.Kind = TooMany
		withFault(t, f, machinesPath, func(v *visitor, g got) {
			if text := g.header.Get("Retry-After"); text != want {
				v.t.Errorf("Retry-After %q, want %q", text, want)
			}
			if s := v.server.Stats(); s.Unforeseen != 1 || s.Limited != 0 {
				v.t.Errorf("stats %+v", s)
			}
		})
	}
}

func TestClockFaults(t *testing.T) {
	withFault(t, Fault{Kind: ClockOff, Delay: -3 * time.Hour}, machinesPath, func(v *visitor, g got) {
		date, err := http.ParseTime(g.header.Get("Date"))
		if off := time.Until(date); err != nil || off != -3*time.Hour {
			v.t.Errorf("Date is off by %s, %v", off, err)
		}
	})
	withFault(t, Fault{Kind: NoDate}, machinesPath, func(v *visitor, g got) {
		if date, ok := g.header["Date"]; ok || g.status != http.StatusOK {
			v.t.Errorf("Date %q", date)
		}
	})
}

func TestFaultsOfLists(t *testing.T) {
	type page struct {
		Data []struct{ T, V int64 }
		Next int64 `json:"next_key"`
	}
	withFault(t, Fault{Kind: Shrink}, fastValues, func(v *visitor, g got) {
		var p page
		if v.decode(g, &p); len(p.Data) != 1 || p.Next != 0 {
			v.t.Errorf("%d items, next %d", len(p.Data), p.Next)
		}
	})
	visit(t, small(), Options{}, func(t *testing.T, v *visitor) {
		v.server.Inject(Fault{Kind: NextLoop})
		var first, again page
		v.decode(v.get(machinesPath+"?limit=1"), &first)
		v.decode(v.get(machinesPath+"?limit=1&start_key=1"), &again)
		if first.Next != 1 || again.Next != 1 || v.server.Stats().Faults[NextLoop] != 2 {
			t.Errorf("keys %d, %d", first.Next, again.Next)
		}
	})
}

func TestFaultsMeetOnlyWhatTheyName(t *testing.T) {
	visit(t, small(), Options{}, func(t *testing.T, v *visitor) {
		from := time.Now().Add(time.Minute)
		remove := v.server.Inject(Fault{
			Kind: ServerError, Op: OpValues, Object: "fast", From: from, Until: from.Add(time.Hour), Times: 2,
		})
		v.is(v.get(fastValues), 200) // not yet
		time.Sleep(time.Minute)
		v.is(v.get(oddValues), 200) // another object
		v.is(v.get(sensorsPath), 200)
		v.is(v.get(fastValues), 500)
		v.is(v.get(fastValues), 500)
		v.is(v.get(fastValues), 200) // used up
		remove()
		v.server.Inject(Fault{Kind: Forbidden, Object: "m1", Until: from.Add(time.Hour)})
		v.is(v.get(oddValues), 403)
		v.is(v.get(machinesPath), 200)
		time.Sleep(time.Hour)
		v.is(v.get(oddValues), 200) // over
	})
}

func TestRandomFaultsFollowTheSeed(t *testing.T) {
	run := func(seed uint64) (pattern string) {
		visit(t, small(), Options{Seed: seed}, func(_ *testing.T, v *visitor) {
			v.server.Inject(Fault{Kind: ServerError, Probability: 0.3})
			for range 200 {
				pattern += map[bool]string{true: ".", false: "x"}[v.get(machinesPath).status == 200]
			}
		})
		return pattern
	}
	one := run(1)
	if n := strings.Count(one, "x"); n < 40 || n > 80 {
		t.Errorf("%d of 200 requests met a fault of probability 0.3", n)
	}
	if one != run(1) || one == run(2) {
		t.Error("the same seed must give the same faults, another one others")
	}
}
