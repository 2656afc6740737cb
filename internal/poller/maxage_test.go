package poller

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"innius_exporter/internal/poller/reading"

	"innius_exporter/innius"
	"innius_exporter/internal/poller/schedule"
)

func TestAPromiseIsJudgedByReadingsThatWaitToBePickedUp(t *testing.T) {
	now := at(10_000)
	before := func(s int) time.Time { return now.Add(-time.Duration(s) * time.Second) }
	for name, c := range map[string]struct {
		o         reading.Record
		interval  float64
		stretched bool
		want      MaxAgeStatus
	}{
		"a young value": {o: recordOf(reading.Saved{Time: before(50), LastSuccess: before(40)}), want: MaxAgeMet},
		"an old value, just asked: the sensor is silent": {o: recordOf(reading.Saved{Time: before(5000), LastSuccess: before(60)}), want: MaxAgeMet},
		"an old value, not asked since":                  {o: recordOf(reading.Saved{Time: before(61), LastSuccess: before(61)}), want: MaxAgeMissed},
		"the next reading is not due yet":                {o: recordOf(reading.Saved{Time: before(630), LastSuccess: before(600)}), interval: 600, want: MaxAgeMet},
		"the next reading was due, and not asked for":    {o: recordOf(reading.Saved{Time: before(661), LastSuccess: before(640)}), interval: 600, want: MaxAgeMissed},
		"never reported":                                 {o: recordOf(reading.Saved{LastSuccess: before(4000)}), want: MaxAgeMet},
		"never asked":                                    {want: MaxAgeMissed},
		"stretched, whatever it holds":                   {o: recordOf(reading.Saved{Time: before(1), LastSuccess: before(1)}), stretched: true, want: MaxAgeRelaxed},
	} {
		s := &sensor{Sensor: &innius.Sensor{ID: "s"}, rule: &Rule{MaxAge: time.Minute}, entry: reading.New()}
		if c.interval > 0 {
			s.entry.SetInterval(published(schedule.Regular(time.Duration(c.interval)*time.Second, now)))
		}
		if got := s.maxAgeStatus(&c.o, c.stretched, now); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	if got := (&sensor{rule: noRule, entry: reading.New()}).maxAgeStatus(&reading.Record{}, true, now); got != "" {
		t.Errorf("without a promise: %s", got)
	}
}

// promising promises an age to the sensors of machine 1.
func promising(age time.Duration) func(*Options) {
	return func(o *Options) {
		calmly(o)
		o.Rules = []Rule{{Machine: regexp.MustCompile("^m1$"), MaxAge: age}}
	}
}

const (
	keptA1      = `innius_exporter_promises{account="a1",state="kept"}`
	stretchedA1 = `innius_exporter_promises{account="a1",state="stretched"}`
)

func TestPromisesThatFitAreKept(t *testing.T) {
	begin := setting{plant: works(4, 5), perHour: 600, burst: 30, options: promising(2 * time.Minute)} // 150 of 600 an hour
	play(t, begin, func(s *story) {
		s.pass(time.Hour)
		s.want(keptA1, 5)
		s.want(stretchedA1, 0)
		if lines := s.log.lines("promises"); len(lines) > 0 {
			s.Errorf("said of promises that are kept: %s", lines)
		}
		if status := s.poller.Status().Accounts[0]; status.Promises[MaxAgeMet] != 5 || status.Stretched != nil {
			s.Errorf("status: %v, stretched %v", status.Promises, status.Stretched)
		}
	})
}

func TestPromisesThatCannotBeKeptAreStretchedTogetherAndLeaveTheOthersTheirShare(t *testing.T) {
	begin := setting{plant: works(4, 5), perHour: 600, burst: 30, options: promising(20 * time.Second)} // 900 of 600 an hour
	play(t, begin, func(s *story) {
		s.pass(time.Hour)
		before := s.api.Stats().Values
		s.pass(6 * time.Hour)
		s.want(keptA1, 0)
		s.want(stretchedA1, 5)
		promised, others := 0, 0
		for id, n := range s.api.Stats().Values {
			if n -= before[id]; strings.HasPrefix(id, "m1-") {
				promised += n
			} else {
				others += n
			}
		}
		if share := float64(promised) / float64(promised+others); share < 0.5 || share > schedule.MaxAgeShare+0.02 {
			s.Errorf("promises took %.3f of the requests, at most %v is set aside for them", share, schedule.MaxAgeShare)
		}
		if lines := s.log.lines("Max-age targets exceed"); len(lines) != 1 {
			s.Errorf("said %d times, want once: %s", len(lines), lines)
		}
		if got := s.poller.Status().Accounts[0].Stretched; got == nil || *got < 2 {
			s.Errorf("status: stretched by %v", got)
		}
	})
}
