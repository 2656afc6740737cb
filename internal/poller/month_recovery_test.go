package poller

import (
	"fmt"
	"time"

	"innius_exporter/internal/poller/ratelimit"
	"innius_exporter/internal/poller/schedule"
)

// recovery is what came after a fault.
type recovery struct {
	from   string
	ended  time.Time     // the fault
	begun  time.Time     // when all that must end first had ended
	cycle  time.Duration // the longest since then: the rate may still fall or rise
	lacked string        // what was missing at the last look
}

// recovers waits until all is well after a fault. First end the pause that innius asked for or that the circuit breaker keeps, the
// back-off of what failed alone, and the time until lists are looked at again that innius had emptied: until then nobody
// can tell that the fault is over. From then on each sensor must have its turn within one cycle.
func (m *month) recovers(from string) {
	m.Helper()
	m.pass(11 * time.Second) // what is under way may still go wrong, a timeout later
	r := &recovery{from: from, ended: time.Now(), begun: time.Now()}
	for !m.well(r) {
		if late := time.Since(r.begun); late > m.allowed(r) {
			m.Fatalf("round %d: %s is over since %s, its back-off since %s, and a cycle takes %s: %s",
				m.round, from, time.Since(r.ended), late, r.cycle, r.lacked)
		}
		m.pass(max(r.cycle/20, 5*time.Second))
	}
	m.report.recovered(r)
	m.checkSecrets()
	m.log.clear()
}

// allowed is one cycle, in which turns differ by up to a tenth, half a minute in which requests go one by one, and the step
// of our looks. Twice the cycle where 429s out of the blue have lowered the rate: what was sent in the hour before may
// count against it.
func (m *month) allowed(r *recovery) time.Duration {
	if m.poller.accounts[0].health.Load().lowered != ratelimit.None {
		return 2*r.cycle + 30*time.Second
	}
	return r.cycle*5/4 + 30*time.Second
}

// well reports whether each sensor has been read since a fault ended, and shows it.
func (m *month) well(r *recovery) bool {
	m.Helper()
	h := m.poller.accounts[0].health.Load()
	r.begun = later(r.begun, h.breaker.pausedUntil)
	r.lacked = m.lacks(r, h)
	if r.lacked == "" {
		r.lacked = m.shown(r, m.check())
	}
	r.cycle = max(r.cycle, m.poller.accounts[0].cycle())
	if limit := r.ended.Add(m.worst()); r.begun.After(limit) {
		m.Fatalf("round %d: %s still holds us up after %s: %s", m.round, r.from, m.worst(), r.lacked)
	}
	return r.lacked == ""
}

// worst is how long pauses, back-off and lists may hold us up: back-off is an hour at most, and so, at the rates here, is the
// time until each list is looked at.
func (m *month) worst() time.Duration { return 2 * time.Hour }

// lacks says what no request has brought yet.
func (m *month) lacks(r *recovery, h *health) string {
	lacked, known := "", 0
	m.sensors(func(machine, sensor int, s *KeptSensor) {
		known++
		switch {
		case s.Failures > 0:
			r.begun = later(r.begun, s.LastFailure.Add(schedule.BackOff(s.Failures, 30*time.Second, time.Hour)))
			lacked = fmt.Sprintf("sensor %d of machine %d fails", sensor, machine)
		case machine != oddMachine && s.Time.Before(r.ended.Add(-10*time.Second)):
			lacked = fmt.Sprintf("the reading of sensor %d of machine %d is of %s before", sensor, machine, r.ended.Sub(s.Time))
		}
	})
	if known != m.machines*regularSensors || len(h.lists) > 0 {
		r.begun = time.Now()
		return fmt.Sprintf("%d sensors are known, and %d lists fail", known, len(h.lists))
	}
	return lacked
}

// shown says what users do not see yet.
func (m *month) shown(r *recovery, all samples) string {
	if all[upA1] != 1 {
		return "innius_up is not 1"
	}
	for _, reason := range []string{"key", "network", "server", "invalid_response"} {
		if all[fmt.Sprintf("innius_exporter_account_failure{account=\"a1\",reason=%q}", reason)] != 0 {
			return "the account fails: " + reason
		}
	}
	for _, state := range []SensorStatus{SensorFailing, SensorPending} {
		if all[fmt.Sprintf("innius_exporter_sensors{account=\"a1\",status=%q}", state)] != 0 {
			return "sensors are " + string(state)
		}
	}
	for machine := range regularMachines {
		for sensor := range regularSensors {
			value := series("innius_sensor_value", machine+1, sensor+1)
			if _, ok := all[value]; !ok || all[series("innius_sensor_timestamp_seconds", machine+1, sensor+1)] < seconds(r.ended)-10 {
				return value + " is absent or old"
			}
		}
	}
	return ""
}
