package poller

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"innius_exporter/internal/match"
	"innius_exporter/internal/simulator"
)

func TestFailingListBacksOffAlone(t *testing.T) {
	begin := setup{plant: testPlant(3, 3), options: func(o *Options) { o.MinInterval = 5 * time.Minute }}
	begin.faults = []simulator.Fault{{Kind: simulator.ServerError, Op: simulator.OpSensors, Object: "m2"}}
	runScenario(t, begin, func(s *scenario) {
		s.advance(time.Minute)
		if n := s.gather().count("innius_sensor_value"); n != 6 {
			t.Errorf("%d values, want those of the two other machines", n)
		}
		s.advance(6 * time.Hour)
		if n := s.api.Stats().Faults[simulator.ServerError]; n < 9 || n > 16 {
			t.Errorf("the failing list was requested %d times in 6 h, want a back-off from 30 s to 1 h", n)
		}
		if n := s.gather()[`innius_exporter_discovery_last_success_timestamp_seconds{account="a1"}`]; n < seconds(time.Now().Add(-2*time.Hour)) {
			t.Errorf("the other lists were verified last at %v", n)
		}
		if n := len(s.log.lines("List is failing")); n != 1 {
			t.Errorf("%d lines, want 1", n)
		}
		s.want(upA1, 1)
	})
}

func TestFiltersPreventRequests(t *testing.T) {
	begin := looking(4, 3)
	begin.options = func(o *Options) {
		o.Machines = match.Filter{Exclude: []match.Pattern{match.MustCompile(`Machine 2`)}}
		o.Sensors = match.Filter{Include: []match.Pattern{match.MustCompile(`.*-s[12]`)}}
	}
	runScenario(t, begin, func(s *scenario) {
		s.advance(30 * time.Minute)
		s.wantMachines(2, 1, 3, 4)
		requested := s.api.Stats().Values
		for id := range requested {
			if slices.Contains([]string{"m1-s3", "m3-s3", "m4-s3"}, id) || id[:2] == "m2" {
				t.Errorf("%s was requested", id)
			}
		}
		s.want(`innius_exporter_sensors{account="a1",status="excluded"}`, 3)
		if n := s.api.Stats().Of(simulator.OpSensors, http.StatusOK); n != 3 {
			t.Errorf("%d lists of sensors, want 3", n)
		}
		if by := s.poller.View(time.Now()).Inventory.Accounts[0].Machines[1].FilteredBy; by != `discovery.machines.exclude "Machine 2"` {
			t.Errorf("filtered by %q", by)
		}
	})
}

func TestOtherCompanyMustBeConfirmed(t *testing.T) {
	for name, lasting := range map[string]bool{"for a moment": false, "for good": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runScenario(t, looking(3, 3), func(s *scenario) {
				s.advance(time.Minute)
				s.changeCompany(lasting)
				if lasting {
					s.want(`innius_account_info{account="a1",company="Other",company_id="other.example",company_name="Other"}`, 1)
					return
				}
				s.wantMachines(3, 1, 2, 3)
			})
		})
	}
}

// changeCompany lets the key belong to another company: for one request, or from now on.
func (s *scenario) changeCompany(lasting bool) {
	other := testPlant(2, 2)
	other.Company.ID, other.Company.Name = "other.example", "Other"
	second := simulator.New(other, simulator.Options{Key: testKey})
	s.fronts[0].Store(second)
	for second.Stats().Of(simulator.OpCompany, http.StatusOK) == 0 {
		s.advance(time.Second)
	}
	if n := s.gather().count("innius_sensor_value"); n != 9 {
		s.Errorf("%d values after the first look at another company, want the 9 of before", n)
	}
	if !lasting {
		s.fronts[0].Store(s.api)
	}
	s.advance(15 * time.Minute)
	if got := s.gather().count("innius_sensor_value"); lasting && got != 4 {
		s.Errorf("%d values, want the 4 of the other company", got)
	}
	if n := len(s.log.lines("Key belongs to another company")); n != 1 {
		s.Errorf("%d lines, want 1", n)
	}
}

func TestDiscoveryKeepsToItsShare(t *testing.T) {
	long(t)
	t.Parallel()
	begin := looking(60, 2)
	begin.perHour = 300
	runScenario(t, begin, func(s *scenario) {
		s.advance(time.Hour)
		before := s.api.Stats()
		s.advance(6 * time.Hour)
		after := s.api.Stats()
		lists := 0
		for _, op := range []string{simulator.OpCompany, simulator.OpMachines, simulator.OpSensors} {
			lists += after.Of(op, -1) - before.Of(op, -1)
		}
		if all := after.Requests - before.Requests; lists > all/20+3 || lists < all/40 {
			t.Errorf("%d of %d requests were for lists, want nearly 5 %%", lists, all)
		}
		if at := s.gather()[fmt.Sprintf("innius_exporter_discovery_last_success_timestamp_seconds{account=%q}", "a1")]; at == 0 {
			t.Error("no moment of the last discovery")
		}
	})
}

// A start with a wrong key is the most frequent one: what the exporter shows of the lists must not be that of a complete discovery.
func TestFirstDiscoveryDoesNotEndWithARefusedKey(t *testing.T) {
	runScenario(t, setup{plant: testPlant(50, 3), perHour: 600, burst: 5}, func(s *scenario) {
		s.api.RevokeKey(http.StatusUnauthorized)
		s.advance(10 * time.Minute)
		if v := s.view(1); v.Settled || !s.poller.Ready() {
			t.Errorf("ended: %t, ready: %t, want false and true", v.Settled, s.poller.Ready())
		}
		s.key.set(testKey+"2", false)
		s.api.SetKey(testKey + "2")
		s.advance(3 * time.Minute)
		if v := s.view(1); v.Settled || v.ListsRead < 5 || v.ListsRead > 40 {
			t.Errorf("ended: %t, with %d lists read", v.Settled, v.ListsRead)
		}
		s.advance(20 * time.Minute)
		if n := s.log.lines("First discovery ended"); len(n) != 1 || !s.view(1).Settled {
			t.Errorf("want one line about the end: %q", n)
		}
	})
}
