package poller

import (
	"fmt"
	"runtime"
	"time"

	"innius_exporter/internal/poller/ratelimit"
)

// look lets time pass, and checks now and then what must hold at any moment.
func (m *month) look(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		m.pass(min(5*time.Minute, time.Until(end)))
		m.check()
	}
}

// check holds at any moment, whatever goes wrong.
func (m *month) check() samples {
	m.Helper()
	all := m.gather()
	m.checkReadings(all)
	m.spending.check(m)
	m.checkRuns()
	m.checkPause()
	if n := runtime.NumGoroutine(); m.goroutines > 0 && n > m.goroutines+50 {
		m.Fatalf("%d goroutines at first, %d after %s", m.goroutines, n, m.clock())
	}
	return all
}

// checkRuns fails where the loop rests though nothing stops it: a sensor that did not fail has its turn within a cycle, and
// between two requests there are some seconds. Where 429s out of the blue have taught that the limit is of an hour, what
// was sent in that hour may use it up.
func (m *month) checkRuns() {
	m.Helper()
	if name := m.poller.Stuck(); name != "" {
		m.Fatalf("account %s is stuck after %s", name, m.clock())
	}
	h, patience := m.poller.accounts[0].health.Load(), 3*time.Minute
	if h.lowered != ratelimit.None {
		patience = time.Hour
	}
	if rested := time.Since(later(m.api.Stats().LastRequest, later(m.started, h.breaker.pausedUntil))); rested > patience && m.anyWaits() {
		m.Fatalf("after %s nothing has been asked for %s, though nothing forbids it", m.clock(), rested)
	}
}

// checkPause fails where the account waits for longer than its reason permits: a key may be refused for days, an outage
// ends at any moment, and no 429 here names more than some minutes.
func (m *month) checkPause() {
	m.Helper()
	h := m.poller.accounts[0].health.Load()
	longest := map[pauseReason]time.Duration{pausedOutage: time.Minute, pausedKey: time.Hour, pausedLimit: time.Hour}
	if wait := time.Until(h.breaker.pausedUntil); wait > longest[h.breaker.pause] {
		m.Fatalf("after %s nothing is asked for %s, the reason is %s", m.clock(), wait, h.breaker.pause)
	}
}

// anyWaits reports whether a sensor that did not fail waits for its turn.
func (m *month) anyWaits() bool {
	waits := false
	m.sensors(func(machine, _ int, s *KeptSensor) { waits = waits || machine != oddMachine && s.Failures == 0 })
	return waits
}

// sensors goes through all that are known.
func (m *month) sensors(yield func(machine, sensor int, s *KeptSensor)) {
	for _, machine := range m.poller.Snapshot().Accounts[0].Machines {
		for i := range machine.Sensors {
			var number int
			if _, err := fmt.Sscanf(machine.ID, "m%d", &number); err != nil {
				m.Fatal(err)
			}
			yield(number, i+1, &machine.Sensors[i])
		}
	}
}

// spending watches that no stretch of time sees more requests than burst and rate permit.
type spending struct {
	begun time.Time
	least float64 // requests sent less those that the rate permits, at its least so far
	most  float64 // by how many more than the rate permits a stretch went, at most
}

func (s *spending) begin(m *month) { s.begun, s.least = time.Now(), float64(m.api.Stats().Requests) }

func (s *spending) check(m *month) {
	m.Helper()
	ahead := float64(m.api.Stats().Requests) - float64(m.size.perHour)*time.Since(s.begun).Hours()
	s.least = min(s.least, ahead)
	s.most = max(s.most, ahead-s.least)
	if s.most > burstOfMonth+repeatsOfMonth+1e-6 {
		m.Fatalf("after %s the latest requests are %.1f more than the rate permits, the burst is %d", m.clock(), s.most, burstOfMonth)
	}
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
