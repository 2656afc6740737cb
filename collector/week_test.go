package collector

import (
	"net/http"
	"runtime"
	"testing"
	"time"

	"innius_exporter/innius/simulator"
)

func TestAWeekOfAllFaultsNeitherLeaksNorGrowsNorOverspends(t *testing.T) {
	const perHour, burst, day = 25, 20, 24 * time.Hour
	begin := setting{plant: works(3, 4), perHour: perHour, burst: burst, faults: weekOfFaults(day)}
	begin.api = simulator.Options{Limits: simulator.Limits{PerHour: 28, Burst: burst}, Seed: 1}
	play(t, begin, func(s *story) {
		var heaps []uint64
		for d := range 7 {
			s.weekday(d)
			s.pass(day - 12*time.Hour)
			heaps = append(heaps, s.heap())
			if n, most := s.api.Stats().Requests, float64(burst)+perHour*s.clock().Hours(); float64(n) > most {
				t.Errorf("%d requests by day %d, permitted are %.0f", n, d+1, most)
			}
		}
		if first, last := float64(heaps[0]), float64(heaps[6]); last > 1.1*first {
			t.Errorf("the heap grew from %.0f to %.0f bytes: %v", first, last, heaps)
		}
		s.endOfWeek()
	})
}

// weekOfFaults strikes at random until shortly before the end of the week, and with an hour's outage each day.
func weekOfFaults(day time.Duration) []simulator.Fault {
	faults := []simulator.Fault{
		{Kind: simulator.Slow, Probability: 0.1, Delay: 2 * time.Second},
		{Kind: simulator.Cut, Probability: 0.01},
		{Kind: simulator.TooMany, Probability: 0.002, Delay: 10 * time.Minute},
		{Kind: simulator.EchoKey, Probability: 0.01},
		{Kind: simulator.NotAList, Probability: 0.01},
		{Kind: simulator.Shrink, Op: simulator.OpMachines, Probability: 0.2},
	}
	for _, kind := range []simulator.FaultKind{
		simulator.ServerError, simulator.BadGatewayHTML, simulator.Maintenance, simulator.Hang, simulator.EmptyBody,
		simulator.NotFound, simulator.Forbidden,
	} {
		faults = append(faults, simulator.Fault{Kind: kind, Probability: 0.01})
	}
	for i := range faults {
		faults[i].Until = dawn.Add(7*day - 3*time.Hour)
	}
	for d := range time.Duration(6) {
		start := dawn.Add(d*day + 6*time.Hour)
		// No Reset: Go's transport sends a request again by itself where a connection that had served breaks.
		faults = append(faults, simulator.Fault{Kind: simulator.Unavailable, From: start, Until: start.Add(time.Hour)})
	}
	return faults
}

// weekday changes the plant and the key during half a day.
func (s *story) weekday(d int) {
	s.pass(4 * time.Hour)
	s.api.AddMachine(machineOf(5, 3+d%2))
	s.api.RevokeKey([]int{http.StatusUnauthorized, http.StatusForbidden}[d%2])
	s.pass(30 * time.Minute)
	s.api.SetKey(canary)
	s.pass(4 * time.Hour)
	s.api.RemoveMachine("m5")
	s.pass(3*time.Hour + 30*time.Minute)
	s.checkSecrets()
	s.log.clear()
}

// heap is what is in use after everything that can go has gone.
func (s *story) heap() uint64 {
	s.gather()
	var stats runtime.MemStats
	for range 3 {
		runtime.GC()
	}
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

func (s *story) endOfWeek() {
	stats := s.api.Stats()
	for _, f := range weekOfFaults(0) {
		if stats.Faults[f.Kind] == 0 {
			s.Errorf("the fault %s did not happen", f.Kind)
		}
	}
	if stats.Limited != 0 || stats.TooEarly != 0 {
		s.Errorf("%d requests over the limit, %d too early", stats.Limited, stats.TooEarly)
	}
	// Each 429 out of the blue lowers the rate for hours, and chance says how many come: 2300 to 3400 good answers.
	if n := stats.Of("", http.StatusOK); n < 1800 {
		s.Errorf("only %d good answers in a week", n)
	}
	s.want(upA1, 1)
	if n := s.states("a1", StateFresh); n != 12 {
		s.Errorf("%v of 12 sensors are fresh", n)
	}
}
