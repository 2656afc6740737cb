package freshness

import (
	"encoding/json"
	"fmt"
	"math"
	"runtime"
	"strings"
	"time"

	"innius_exporter/internal/poller"
	"innius_exporter/internal/poller/reading"
	"innius_exporter/internal/simulator"
)

// The plant of the soak test: machines 1 to 8 whose sensors report each 10 s, machine 9 with odd sensors, and machine 10
// which comes and goes. Each value encodes its sensor and its time.
const (
	regularMachines, regularSensors = 8, 6
	oddMachine, guestMachine        = 9, 10
)

func soakPlant() simulator.Plant {
	p := simulator.Plant{Company: simulator.Company{ID: "works.example", Name: "Works"}}
	for number := range regularMachines {
		p.Company.Machines = append(p.Company.Machines, soakMachine(number+1))
	}
	p.Company.Machines = append(p.Company.Machines, oddSensors())
	return p
}

func guest() simulator.Machine { return soakMachine(guestMachine) }

func soakMachine(number int) simulator.Machine {
	m := simulator.Machine{ID: fmt.Sprintf("m%d", number), Name: fmt.Sprintf("Machine %d", number)}
	for i := range regularSensors {
		m.Sensors = append(m.Sensors, simulator.Sensor{
			ID: fmt.Sprintf("%s-s%d", m.ID, i+1), Name: fmt.Sprintf("Sensor %d", i+1), Unit: "bar", Period: 10 * time.Second,
			Value: func(at time.Time) any { return soakValue(number, i+1, at) },
		})
	}
	return m
}

// soakValue is the value of a sensor at a time. It is exact, because it is below 2^53.
func soakValue(machine, sensor int, at time.Time) float64 {
	return float64(machine*100+sensor)*1e10 + float64(at.Unix())
}

// oddSensors report what is not a number, a wrong time, or nothing.
func oddSensors() simulator.Machine {
	m := soakMachine(oddMachine)
	odd := []any{nil, "ERROR", json.Number("1e400"), "NaN", "", map[string]int{"a": 1}}
	m.Sensors[0].Value = func(at time.Time) any { // mostly numbers
		if i := int(at.Unix() / 10 % 25); i < len(odd) {
			return odd[i]
		}
		return soakValue(oddMachine, 1, at)
	}
	m.Sensors[1].Value = func(at time.Time) any { return odd[int(at.Unix()/10)%len(odd)] }
	m.Sensors[2].Value = func(at time.Time) any { return soakValue(oddMachine, 3, at.Add(-3*time.Hour)) }
	m.Sensors[2].Skew = -3 * time.Hour
	m.Sensors[3].Value = func(at time.Time) any { return soakValue(oddMachine, 4, at.Add(2*time.Hour)) }
	m.Sensors[3].Skew = 2 * time.Hour
	m.Sensors[4].Exists = func(time.Time) bool { return false }
	m.Sensors[5].Value = func(at time.Time) any { return fmt.Sprintf("%.0f", soakValue(oddMachine, 6, at)) }
	m.Sensors[5].Period, m.Sensors[5].Batch = time.Minute, 10*time.Minute
	return m
}

// watch lets time pass and checks each 5 min what must hold at every moment.
func (s *soak) watch(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		s.pass(min(5*time.Minute, time.Until(end)))
		s.check()
	}
}

// check checks what must hold at every moment. It returns the series of a scrape.
func (s *soak) check() map[string]float64 {
	s.Helper()
	all, status := s.gather(), s.account()
	s.checkReadings(all)
	s.checkRate()
	s.checkProgress(status)
	s.checkPause(status)
	if n := runtime.NumGoroutine(); s.goroutines > 0 && n > s.goroutines+50 {
		s.Fatalf("%d goroutines at first, %d after %s", s.goroutines, n, time.Since(start))
	}
	return all
}

// account is what the poller knows of the account.
func (s *soak) account() *poller.AccountView { return s.poller.View(time.Now()).Accounts[0] }

// checkReadings fails if a value is exposed that is not this sensor's reading of this time.
func (s *soak) checkReadings(all map[string]float64) {
	s.Helper()
	now, ahead := float64(time.Now().Unix()), map[[2]int]float64{{oddMachine, 4}: 7200}
	for series, value := range all {
		labels, ok := strings.CutPrefix(series, "innius_sensor_value")
		if !ok {
			continue
		}
		var machine, sensor int
		if _, err := fmt.Sscanf(labels, `{company="Works",machine="Machine %d",sensor="Sensor %d"}`, &machine, &sensor); err != nil {
			s.Fatalf("a sensor that does not exist: %s", labels)
		}
		at, ok := all["innius_sensor_timestamp_seconds"+labels]
		want := soakValue(machine, sensor, time.Unix(int64(at), 0))
		if !ok || value != want || at > now+ahead[[2]int{machine, sensor}] || math.Mod(at, 10) != 0 {
			s.Errorf("after %s: %s has %.0f and time %.0f, want %.0f", time.Since(start), labels, value, at, want)
		}
	}
}

// checkRate fails if any span of time has more requests than burst and rate permit.
func (s *soak) checkRate() {
	s.Helper()
	ahead := float64(s.api.Stats().Requests) - soakPerHour*time.Since(s.sentFrom).Hours()
	s.leastAhead = min(s.leastAhead, ahead)
	s.mostAhead = max(s.mostAhead, ahead-s.leastAhead)
	if s.mostAhead > burst+maxRepeats+1e-6 {
		s.Fatalf("after %s: %.1f requests more than the rate permits, the burst is %d", time.Since(start), s.mostAhead, burst)
	}
}

// checkProgress fails if the poller sends nothing though it may. After unexpected 429s the rate limit may count as one per
// hour, which earlier requests have used up.
func (s *soak) checkProgress(status *poller.AccountView) {
	s.Helper()
	if name := s.poller.Stuck(); name != "" {
		s.Fatalf("account %s is stuck after %s", name, time.Since(start))
	}
	longest := 3 * time.Minute
	if status.Lowered != "" {
		longest = time.Hour
	}
	last := s.api.Stats().LastRequest
	for _, t := range []time.Time{s.started, status.PausedUntil} {
		if t.After(last) {
			last = t
		}
	}
	if idle := time.Since(last); idle > longest && s.anyHealthy() {
		s.Fatalf("after %s: no request for %s", time.Since(start), idle)
	}
}

// checkPause fails if a pause is longer than its reason permits: an outage may end at any moment, and no 429 here states
// more than some minutes.
func (s *soak) checkPause(status *poller.AccountView) {
	s.Helper()
	longest := time.Hour
	if status.Failure != "" && status.Failure != "key" {
		longest = time.Minute
	}
	if wait := time.Until(status.PausedUntil); wait > longest {
		s.Fatalf("after %s: paused for %s, failure %q", time.Since(start), wait, status.Failure)
	}
}

// anyHealthy reports whether some regular sensor is not in back-off.
func (s *soak) anyHealthy() (any bool) {
	s.sensors(func(machine, _ int, saved *poller.SavedSensor) {
		any = any || machine != oddMachine && saved.Failures == 0
	})
	return any
}

// sensors iterates over the known sensors.
func (s *soak) sensors(yield func(machine, sensor int, saved *poller.SavedSensor)) {
	for _, m := range s.poller.Save().Accounts[0].Machines {
		for i := range m.Sensors {
			var number int
			if _, err := fmt.Sscanf(m.ID, "m%d", &number); err != nil {
				s.Fatal(err)
			}
			saved := &m.Sensors[i]
			if saved.Rare == nil {
				saved.Rare = &reading.Rare{}
			}
			yield(number, i+1, saved)
		}
	}
}

// recovery is what follows a fault.
type recovery struct {
	cause   string
	ended   time.Time     // when the fault ended
	begun   time.Time     // when pauses and back-off ended
	cycle   time.Duration // the longest one since then
	missing string        // what was missing at the last check
}

// recovers waits until all is well after a fault. Pauses, the back-off of single sensors and the time until lists are read
// again come first, because until then nothing shows that the fault is over. Then each sensor must be polled within a
// cycle.
func (s *soak) recovers(cause string) {
	s.Helper()
	s.pass(11 * time.Second) // requests under way may still time out
	r := &recovery{cause: cause, ended: time.Now(), begun: time.Now()}
	for !s.recovered(r) {
		limit := r.cycle*5/4 + 30*time.Second // waits differ by 10 %, requests may come one by one
		if s.account().Lowered != "" {
			limit = 2*r.cycle + 30*time.Second // what was sent in the hour before may count
		}
		if late := time.Since(r.begun); late > limit {
			s.Fatalf("round %d: %s ended %s ago, its back-off %s ago, a cycle takes %s: %s",
				s.round, cause, time.Since(r.ended), late, r.cycle, r.missing)
		}
		s.pass(max(r.cycle/20, 5*time.Second))
	}
	s.report.longest[cause] = max(s.report.longest[cause], max(0, time.Since(r.begun)).Seconds()/r.cycle.Seconds())
	s.report.blocked[cause] = max(s.report.blocked[cause], min(r.begun.Sub(r.ended), time.Since(r.ended)))
	if s.log.contains(key) || s.api.Stats().KeyExposed > 0 {
		s.Errorf("the key is in the log, or was sent outside its header")
	}
	s.log.reset()
}

// recovered reports whether each sensor has been polled since the fault ended, and its value is exposed.
func (s *soak) recovered(r *recovery) bool {
	s.Helper()
	status := s.account()
	if status.PausedUntil.After(r.begun) {
		r.begun = status.PausedUntil
	}
	r.missing = s.notPolled(r)
	if all := s.check(); r.missing == "" {
		r.missing = notExposed(r, all)
	}
	r.cycle = max(r.cycle, status.Cycle)
	if r.begun.Sub(r.ended) > 2*time.Hour { // back-off takes an hour at most, and so does the time until each list is read
		s.Fatalf("round %d: %s still blocks after 2 h: %s", s.round, r.cause, r.missing)
	}
	return r.missing == ""
}

// notPolled returns what no poll has brought yet.
func (s *soak) notPolled(r *recovery) string {
	missing, known, next := "", 0, s.poller.View(time.Now()).Upcoming(0)
	s.sensors(func(machine, sensor int, saved *poller.SavedSensor) {
		known++
		switch {
		case saved.Failures > 0:
			// Probes of the account lengthen a back-off and do not count among the failures of the sensor.
			if one := next[known-1]; one.WaitsFor == poller.WaitsForInterval && one.At.After(r.begun) {
				r.begun = one.At
			}
			missing = fmt.Sprintf("sensor %d of machine %d fails", sensor, machine)
		case machine != oddMachine && saved.Time.Before(r.ended.Add(-10*time.Second)):
			missing = fmt.Sprintf("the reading of sensor %d of machine %d is from %s before", sensor, machine, r.ended.Sub(saved.Time))
		}
	})
	if known != s.machines*regularSensors {
		r.begun = time.Now()
		return fmt.Sprintf("%d sensors are known", known)
	}
	return missing
}

// notExposed returns what a scrape does not show yet.
func notExposed(r *recovery, all map[string]float64) string {
	if all[`innius_up{account="a1"}`] != 1 {
		return "innius_up is not 1"
	}
	for machine := range regularMachines {
		for sensor := range regularSensors {
			labels := fmt.Sprintf("{company=\"Works\",machine=\"Machine %d\",sensor=\"Sensor %d\"}", machine+1, sensor+1)
			if _, ok := all["innius_sensor_value"+labels]; !ok || all["innius_sensor_timestamp_seconds"+labels] < float64(r.ended.Unix())-10 {
				return labels + " is absent or old"
			}
		}
	}
	return ""
}
