package poller

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/poller/reading"

	"innius_exporter/innius"
	"innius_exporter/internal/simulator"
)

func TestListErrorWhenStartKeyRepeats(t *testing.T) {
	var p pages
	for _, next := range []string{"a", "b", "c"} {
		if err := p.add(next); err != nil {
			t.Fatalf("page %s: %v", next, err)
		}
	}
	if err := p.add("a"); err == nil || !strings.Contains(err.Error(), "next_key repeats") {
		t.Errorf("got %v", err)
	}
}

func TestListErrorAfterMaxPages(t *testing.T) {
	var p pages
	for i := range maxPages - 1 {
		if err := p.add(strconv.Itoa(i)); err != nil {
			t.Fatal(err)
		}
	}
	if p.add("last") == nil {
		t.Error("no error after the maximum of pages")
	}
}

func TestListLoopCostsFewRequests(t *testing.T) {
	loop := simulator.Fault{Kind: simulator.NextLoop, Op: simulator.OpSensors}
	runScenario(t, setup{plant: testPlant(1, 12), perHour: 3600, faults: []simulator.Fault{loop}}, func(s *scenario) {
		s.advance(10 * time.Minute)
		if n := s.api.Stats().Requests; n > 20 {
			t.Errorf("%d requests in 10 min for a list without end", n)
		}
		if why := s.view(1).ListErrors["m1"]; !strings.Contains(why, "next_key repeats") {
			t.Errorf("error of the list: %q", why)
		}
	})
}

func TestWrongPathFailsAccount(t *testing.T) {
	for _, op := range []string{simulator.OpCompany, simulator.OpMachines} {
		t.Run(op, func(t *testing.T) {
			wrong := simulator.Fault{Kind: simulator.NotFound, Op: op}
			runScenario(t, setup{plant: testPlant(1, 2), faults: []simulator.Fault{wrong}}, func(s *scenario) {
				s.advance(8 * time.Minute)
				if s.api.Stats().Faults[simulator.NotFound] == 0 {
					t.Error("the fault did not happen")
				}
				s.want(`innius_up{account="a1"}`, 0)
				s.want(`innius_exporter_account_failure{account="a1",reason="invalid_response"}`, 1)
			})
		})
	}
}

func TestUnreadableTimeIsReported(t *testing.T) {
	c := reading.New()
	odd := innius.Reading{Text: "2026-11-23 17:00:00", Skip: innius.SkipTime}
	n := c.Store(innius.Newest{Readings: []innius.Reading{odd}}, reading.Rule{}, true, at(9))
	s := &inventory.Sensor{Machine: &inventory.Machine{}, Rule: inventory.NoRule, Entry: c}
	if got := judged(s, at(9)); got != SensorUnreadable {
		t.Errorf("%s", got)
	}
	if n.Odd != odd {
		t.Errorf("no unusable reading reported: %+v", n)
	}
	c.Store(innius.Newest{Readings: []innius.Reading{{Time: at(10), Value: 1}}}, reading.Rule{}, true, at(11))
	if o := c.Load(); judged(s, at(11)) != SensorCurrent || o.Unusable.Skip != "" {
		t.Errorf("after a good reading: %+v", o)
	}
}
