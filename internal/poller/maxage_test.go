package poller

import (
	"strings"
	"testing"
	"time"

	"innius_exporter/internal/match"
	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/poller/schedule"
)

// withMaxAge sets a max-age target for the sensors of machine 1.
func withMaxAge(age time.Duration) func(*Options) {
	return func(o *Options) {
		calmly(o)
		o.Rules = []inventory.Rule{{Machine: match.MustCompile("m1"), MaxAge: age}}
	}
}

const (
	metA1     = `innius_exporter_max_age_sensors{account="a1",status="met"}`
	relaxedA1 = `innius_exporter_max_age_sensors{account="a1",status="relaxed"}`
)

func TestMaxAgeTargetsAreMet(t *testing.T) {
	begin := setup{plant: testPlant(4, 5), perHour: 600, burst: 30, options: withMaxAge(2 * time.Minute)} // 150 of 600 requests per hour
	runScenario(t, begin, func(s *scenario) {
		s.advance(time.Hour)
		s.want(metA1, 5)
		s.want(relaxedA1, 0)
		if lines := s.log.lines("Max-age targets"); len(lines) > 0 {
			s.Errorf("targets that are met are logged: %s", lines)
		}
		if by := s.view(1).RelaxedBy; by != 0 {
			s.Errorf("relaxed by %v", by)
		}
	})
}

func TestMaxAgeTargetsAreRelaxedTogether(t *testing.T) {
	t.Parallel()
	long(t)
	begin := setup{plant: testPlant(4, 5), perHour: 600, burst: 30, options: withMaxAge(20 * time.Second)} // 900 of 600 requests per hour
	runScenario(t, begin, func(s *scenario) {
		s.advance(time.Hour)
		before := s.api.Stats().Values
		s.advance(6 * time.Hour)
		s.want(metA1, 0)
		s.want(relaxedA1, 5)
		targets, others := 0, 0
		for id, n := range s.api.Stats().Values {
			if n -= before[id]; strings.HasPrefix(id, "m1-") {
				targets += n
			} else {
				others += n
			}
		}
		if share := float64(targets) / float64(targets+others); share < 0.5 || share > schedule.MaxAgeShare+0.02 {
			s.Errorf("targets took %.3f of the requests, want at most %v", share, schedule.MaxAgeShare)
		}
		if lines := s.log.lines("Max-age targets exceed"); len(lines) != 1 {
			s.Errorf("logged %d times, want once: %s", len(lines), lines)
		}
		if by := s.view(1).RelaxedBy; by < 2 {
			s.Errorf("relaxed by %v", by)
		}
	})
}
