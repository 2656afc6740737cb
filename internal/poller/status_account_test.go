package poller

import (
	"regexp"
	"testing"
	"time"

	"innius_exporter/internal/simulator"
)

func wantText(t *testing.T, what, got, pattern string) {
	t.Helper()
	if !regexp.MustCompile("^(?:" + pattern + ")$").MatchString(got) {
		t.Errorf("%s: %q, want %s", what, got, pattern)
	}
}

func TestHealthIsSaidInWords(t *testing.T) {
	from := dawn.Add(10 * time.Minute)
	for name, c := range map[string]struct {
		fault simulator.Fault
		want  string
	}{
		"nothing": {simulator.Fault{Kind: simulator.Slow}, "innius answers"},
		"the key": {
			simulator.Fault{Kind: simulator.Forbidden, From: from},
			"since " + gone + ": the key is refused or cannot be read; nothing is sent until " + toCome + ": then the key is tried again",
		},
		"the server": {
			simulator.Fault{Kind: simulator.ServerError, From: from},
			"since " + gone + `: innius answers with faults of its own \(5xx\); nothing is sent until ` + toCome + ": then innius is tried again",
		},
		"the answer": {
			simulator.Fault{Kind: simulator.Maintenance, From: from},
			"since " + gone + ": innius refuses the requests \\(400, 403, 404\\) or redirects them, or its responses cannot be used; nothing is sent until .*",
		},
		"the network": {
			simulator.Fault{Kind: simulator.Reset, From: from},
			"since " + gone + ": innius cannot be reached; nothing is sent until .*",
		},
		"a limit": {
			simulator.Fault{Kind: simulator.TooMany, From: from, Delay: time.Hour},
			"innius answers; nothing is sent until " + toCome + `: innius said that a limit of the key was exceeded \(429\)`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, setting{plant: works(2, 5), faults: []simulator.Fault{c.fault}}, func(s *story) {
				for range 25 * 60 { // while paused, where the account is
					s.pass(time.Second)
					if a := s.poller.Status().Accounts[0]; s.clock() > 20*time.Minute && (a.PausedUntil != nil || name == "nothing") {
						break
					}
				}
				a := s.poller.Status().Accounts[0]
				wantText(t, "health", a.Health, c.want)
				if a.Failure != "" && (a.FailingSince == nil || a.FailingSince.Sub(from).Abs() > 2*time.Minute) {
					t.Errorf("failing since %v, want about %v", a.FailingSince, from)
				}
			})
		})
	}
}

func TestAFirstDiscoverySaysHowFarItIs(t *testing.T) {
	words := func(s *story) (DiscoveryStatus, string) {
		d := s.poller.Status().Accounts[0].Discovery
		return d, d.Words
	}
	begin := setting{plant: works(20, 2), perHour: 60, burst: 1}
	begin.faults = []simulator.Fault{{Kind: simulator.Slow, Op: simulator.OpCompany, Delay: 8 * time.Second}}
	play(t, begin, func(s *story) {
		_, text := words(s)
		wantText(t, "at first", text, "the first one is under way: which company the key belongs to is not known yet")
		s.pass(50 * time.Second)
		_, text = words(s)
		wantText(t, "with the company", text, "the first one is under way: the list of machines is not known yet")
		s.pass(10 * time.Minute)
		d, text := words(s)
		wantText(t, "in its middle", text, `the first one is under way: \d+ of 22 lists have been asked for; the others take about [a-z0-9 ]+, and until then .*`)
		if d.Ended || d.Lists != 22 || d.Asked < 5 || d.Asked > 12 {
			t.Errorf("in its middle: %+v", d)
		}
		s.pass(2 * time.Hour)
		d, text = words(s)
		wantText(t, "at the end", text, "each list was seen at or after "+gone)
		if !d.Ended || d.Asked < 20 {
			t.Errorf("at the end: %+v", d)
		}
	})
}

func TestADiscoveryThatFailsSaysSo(t *testing.T) {
	wrong := simulator.Fault{Kind: simulator.NotFound, Op: simulator.OpMachines}
	play(t, setting{plant: works(1, 1), faults: []simulator.Fault{wrong}}, func(s *story) {
		s.pass(20 * time.Minute)
		wantText(t, "discovery", s.poller.Status().Accounts[0].Discovery.Words, "the list of machines could not be read yet")
	})
}

func TestThePlanIsSaidInWords(t *testing.T) {
	silent := works(1, 4)
	for i := range silent.Company.Machines[0].Sensors {
		silent.Company.Machines[0].Sensors[i].Period = 0
	}
	for name, c := range map[string]struct {
		begin setting
		pass  time.Duration
		want  string
	}{
		"nothing known": {setting{plant: works(0, 0)}, time.Minute, "no sensor is asked for yet"},
		"no pace known": {
			setting{plant: silent, perHour: 60}, 10 * time.Minute, "no sensor's pace is known yet; 4 sensors can each be asked every 4m 13s",
		},
		"it suffices": {
			setting{plant: works(1, 2), perHour: 1200},
			time.Hour,
			`the allowance suffices: the sensors' own paces ask for 7\d\d requests an hour, and 1197 are there for readings, so each .* a round of all 2 sensors would take 6s`,
		},
		"it does not": {
			setting{plant: works(1, 20), perHour: 1200},
			time.Hour,
			`the allowance does not suffice for every reading: the sensors' own paces ask for 7\d\d\d requests an hour, and 1197 are there for readings, ` +
				`so about 17 % of what they report can be seen, and a value gets about as old as a round of all 20 sensors takes: 1m`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, c.begin, func(s *story) {
				s.pass(c.pass)
				wantText(t, "plan", s.poller.Status().Accounts[0].Plan, c.want)
			})
		})
	}
}
