package poller

import (
	"testing"
	"time"

	"innius_exporter/internal/simulator"
)

func TestRunEndsWithContext(t *testing.T) {
	for name, c := range map[string]struct {
		faults []simulator.Fault
		after  time.Duration
	}{
		"requests hang":         {[]simulator.Fault{{Kind: simulator.Hang, Op: simulator.OpValues}}, 5 * time.Second},
		"the first one hangs":   {[]simulator.Fault{{Kind: simulator.Hang}}, 5 * time.Second},
		"an endless body":       {[]simulator.Fault{{Kind: simulator.EndlessBody}}, 3 * time.Millisecond},
		"between two tries":     {[]simulator.Fault{{Kind: simulator.Reset}}, 100 * time.Millisecond},
		"during a pause":        {[]simulator.Fault{{Kind: simulator.TooMany, Delay: time.Hour}}, time.Minute},
		"while it waits":        {nil, 30 * time.Minute},
		"before the first word": {[]simulator.Fault{slow(time.Minute)}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runScenario(t, setup{plant: testPlant(3, 5), faults: c.faults, perHour: 100}, func(s *scenario) {
				s.advance(c.after)
				for _, f := range c.faults {
					if f.Kind != simulator.EndlessBody && s.api.Stats().Faults[f.Kind] == 0 {
						t.Errorf("the fault %s did not happen", f.Kind)
					}
				}
				start := time.Now()
				s.cancel()
				s.running.Wait()
				if took := time.Since(start); took > time.Second {
					t.Errorf("Run ended after %s", took)
				}
				if got, sent := s.attempts(), s.api.Stats().Requests; got < sent {
					t.Errorf("Run ended before %d of its %d requests", sent-got, sent)
				}
				if n := len(s.log.lines("cannot")); n > 1 {
					t.Errorf("the end was taken for a failure: %s", s.log.text())
				}
			})
		})
	}
}

// attempts counts the finished requests.
func (s *scenario) attempts() int {
	n := 0.0
	for _, count := range s.gather().values("innius_exporter_api_requests_total") {
		n += count
	}
	return int(n)
}
