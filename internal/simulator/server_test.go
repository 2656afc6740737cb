package simulator

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestKeyIsNeeded(t *testing.T) {
	visit(t, small(), Options{}, func(t *testing.T, v *visitor) {
		for _, key := range []string{"", "wrong"} {
			v.key = key
			if g := v.get(machinesPath); g.status != http.StatusUnauthorized || v.message(g) == "" {
				t.Errorf("key %q: status %d %s", key, g.status, g.body)
			}
		}
	})
}

func TestKeyRevokedThenRotated(t *testing.T) {
	for _, status := range []int{http.StatusUnauthorized, http.StatusForbidden} {
		visit(t, small(), Options{}, func(_ *testing.T, v *visitor) {
			v.is(v.get(machinesPath), http.StatusOK)
			v.server.RevokeKey(status)
			v.is(v.get(machinesPath), status)
			v.server.SetKey("next")
			v.is(v.get(machinesPath), status)
			v.key = "next"
			v.is(v.get(machinesPath), http.StatusOK)
		})
	}
}

func TestKeyOutsideItsHeaderIsNoticed(t *testing.T) {
	visit(t, small(), Options{}, func(t *testing.T, v *visitor) {
		v.get(machinesPath)
		if n := v.server.Stats().KeyExposed; n != 0 {
			t.Fatalf("%d exposed", n)
		}
		v.get(machinesPath + "?api_key=" + testKey)
		if n := v.server.Stats().KeyExposed; n != 1 {
			t.Errorf("%d exposed, want 1", n)
		}
	})
}

func TestPathsAreThoseOfTheHierarchy(t *testing.T) {
	visit(t, small(), Options{BasePath: "/v1/"}, func(t *testing.T, v *visitor) {
		for path, want := range map[string]int{
			"/v1/companies/me": 200, "/v1" + fastValues: 200,
			"/v1/companies": 404, "/v1/companies/me/": 404, "/v1/companies//machines": 404, "/v1" + fastValues + "/x": 404,
			"/v1/companies/other/machines": 404, "/v1" + machinesPath + "/m9/sensors": 404, "/v1" + sensorsPath + "/no/values": 404,
		} {
			if g := v.get(path); g.status != want || want == 404 && v.message(g) == "" {
				t.Errorf("%s: status %d, want %d: %s", path, g.status, want, g.body)
			}
		}
		for _, path := range []string{"/companies/me", "/v1", "/v10/companies/me", "/"} {
			g := v.get(path)
			if m := v.message(g); g.status != 404 || !strings.Contains(m, "below /v1\n") || strings.Count(m, "\n") != 1 {
				t.Errorf("%s: status %d, message %q", path, g.status, m)
			}
		}
	})
}

func TestOtherMethodsAreRefused(t *testing.T) {
	s := New(small(), Options{})
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/companies/me", http.NoBody))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("status %d", w.Code)
	}
}

func TestIdsWithSlashAndSpaceAreReached(t *testing.T) {
	p := small()
	p.Company.ID = "a/b c"
	p.Company.Machines[0].ID = "M 07/B"
	p.Company.Machines[0].Sensors[0].ID = "ü%2F?"
	visit(t, p, Options{}, func(_ *testing.T, v *visitor) {
		v.is(v.get("/companies/a%2Fb%20c/machines/M%2007%2FB/sensors/%C3%BC%252F%3F/values"), http.StatusOK)
		v.is(v.get("/companies/a/b%20c/machines"), http.StatusNotFound)
	})
}

func TestPlantChangesWhileServing(t *testing.T) {
	visit(t, small(), Options{}, func(t *testing.T, v *visitor) {
		s := v.server
		if s.AddSensor("no", Sensor{}) || s.RemoveSensor("no", "x") || s.RemoveSensor("m1", "x") || s.RemoveMachine("no") {
			t.Error("changed what does not exist")
		}
		s.AddMachine(Machine{ID: "m3", Sensors: []Sensor{{ID: "new", Period: time.Second}}})
		v.is(v.get(machinesPath+"/m3/sensors/new/values"), 200)
		s.AddSensor("m3", Sensor{ID: "more"})
		v.is(v.get(machinesPath+"/m3/sensors/more/values"), 200)
		s.RemoveSensor("m3", "new")
		v.is(v.get(machinesPath+"/m3/sensors/new/values"), 404)
		s.RemoveMachine("m3")
		v.is(v.get(machinesPath+"/m3/sensors/more/values"), 404)
		s.EmptyMachines(true)
		if g := v.get(machinesPath); g.body != `{"data":[],"next_key":null}` {
			t.Errorf("body %s", g.body)
		}
		v.is(v.get(fastValues), 200)
		s.EmptyMachines(false)
		if g := v.get(machinesPath); !strings.Contains(g.body, `"m1"`) || strings.Contains(g.body, `"m3"`) {
			t.Errorf("body %s", g.body)
		}
	})
}

func TestPlantIsCopied(t *testing.T) {
	p := small()
	s := New(p, Options{})
	p.Company.Machines[0].Sensors[0].ID = "changed"
	p.Company.Machines[0].ID = "changed"
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, fastValues, http.NoBody))
	if w.Code != http.StatusOK {
		t.Errorf("status %d", w.Code)
	}
}

func TestStatsCountRequestsAndFaults(t *testing.T) {
	visit(t, small(), Options{}, func(t *testing.T, v *visitor) {
		first := time.Now()
		v.get("/companies/me")
		v.get(fastValues)
		time.Sleep(time.Minute)
		v.get(fastValues)
		v.get(sensorsPath + "/no/values")
		v.get("/nowhere")
		synctest.Wait()
		s := v.server.Stats()
		want := map[ResponseKind]int{{OpCompany, 200}: 1, {OpValues, 200}: 2, {OpValues, 404}: 1, {OpUnknown, 404}: 1}
		for a, n := range want {
			if s.Responses[a] != n {
				t.Errorf("%v: %d, want %d", a, s.Responses[a], n)
			}
		}
		if s.Requests != 5 || s.Of("", -1) != 5 || s.Of(OpValues, -1) != 3 || s.Values["fast"] != 2 || s.InFlight != 0 {
			t.Errorf("%+v", s)
		}
		if !s.FirstRequest.Equal(first) || s.LastRequest.Sub(first) != time.Minute {
			t.Errorf("from %s to %s", s.FirstRequest, s.LastRequest)
		}
	})
}

func TestEverythingAtOnce(t *testing.T) {
	visit(t, small(), Options{Limits: Limits{PerHour: 100000, Burst: 1000}}, func(_ *testing.T, v *visitor) {
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 25 {
					remove := v.server.Inject(Fault{Kind: Slow, Delay: time.Second, Probability: 0.5})
					v.server.AddSensor("m1", Sensor{ID: "new", Period: time.Minute})
					v.get(fastValues + "?limit=5")
					v.get(oddValues + "?limit=5")
					v.server.RemoveSensor("m1", "new")
					v.server.SetLimits(Limits{PerHour: 100000, Burst: 1000})
					_ = v.server.Stats()
					remove()
				}
			})
		}
		all.Wait()
	})
}
