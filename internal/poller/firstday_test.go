package poller

import (
	"strings"
	"testing"
	"time"

	"innius_exporter/internal/poller/reading"

	"innius_exporter/innius"
	"innius_exporter/internal/simulator"
)

func TestAListWhoseKeysGoRoundIsAnErrorAndNotFollowed(t *testing.T) {
	var p partial[int]
	for _, next := range []string{"a", "b", "c"} {
		p.add(innius.Page[int]{Items: []int{1}, Next: next})
		if err := p.endless(); err != nil {
			t.Fatalf("page %s: %v", next, err)
		}
	}
	p.add(innius.Page[int]{Items: []int{1}, Next: "a"})
	if err := p.endless(); err == nil || !strings.Contains(err.Error(), "next_key repeats") {
		t.Errorf("got %v", err)
	}
}

func TestAListWithoutEndIsAnErrorAfterABound(t *testing.T) {
	var p partial[int]
	for i := range maxPages {
		p.add(innius.Page[int]{Next: strings.Repeat("x", i+1)[:min(i+1, 1)] + time.Duration(i).String()})
	}
	if p.endless() == nil {
		t.Error("a list of so many pages is followed for ever")
	}
}

func TestAListThatLeadsToItselfCostsLittle(t *testing.T) {
	loop := simulator.Fault{Kind: simulator.NextLoop, Op: simulator.OpSensors}
	play(t, setting{plant: works(1, 12), perHour: 3600, faults: []simulator.Fault{loop}}, func(s *story) {
		s.pass(10 * time.Minute)
		if n := s.api.Stats().Requests; n > 20 {
			t.Errorf("%d requests in 10 min for a list that does not end", n)
		}
		if note := s.poller.Status().Accounts[0].Machines[0].Note; !strings.Contains(note, "next_key repeats") {
			t.Errorf("the status page says %q", note)
		}
	})
}

// The likeliest mistake of a first day: the base path or an endpoint is not the real one.
func TestAWrongPathIsAFailureOfTheAccount(t *testing.T) {
	for _, op := range []string{simulator.OpCompany, simulator.OpMachines} {
		t.Run(op, func(t *testing.T) {
			wrong := simulator.Fault{Kind: simulator.NotFound, Op: op}
			play(t, setting{plant: works(1, 2), faults: []simulator.Fault{wrong}}, func(s *story) {
				s.pass(8 * time.Minute)
				if s.api.Stats().Faults[simulator.NotFound] == 0 {
					t.Error("the fault did not happen")
				}
				s.want(`innius_up{account="a1"}`, 0)
				s.want(`innius_exporter_account_failure{account="a1",reason="invalid_response"}`, 1)
			})
		})
	}
}

func TestATimeThatIsNotUnderstoodIsSaidAndNotTakenForSilence(t *testing.T) {
	c := reading.New()
	odd := innius.Reading{Text: "2026-11-23 17:00:00", Skip: innius.SkipTime}
	n := c.Store(innius.Newest{Readings: []innius.Reading{odd}}, nil, true, at(9))
	s := &sensor{rule: noRule, entry: c}
	if o := c.Load(); s.state(o, time.Hour, at(9)) != StateUnreadable || !strings.Contains(s.why(o, &look{now: at(9), staleAfter: time.Hour}), odd.Text) {
		t.Errorf("%s: %s", s.state(o, time.Hour, at(9)), s.why(o, &look{now: at(9), staleAfter: time.Hour}))
	}
	if n.Odd != odd {
		t.Errorf("nobody can be told: %+v", n)
	}
	c.Store(innius.Newest{Readings: []innius.Reading{{Time: at(10), Value: 1}}}, nil, true, at(11))
	if o := c.Load(); s.state(o, time.Hour, at(11)) != StateFresh || o.Unusable.Skip != "" {
		t.Errorf("after a good reading: %+v", o)
	}
}
