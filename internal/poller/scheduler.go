package poller

import (
	"time"

	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/poller/schedule"
)

// Scheduler decides which sensor of an account is polled next. The poller runs with a schedule.Scheduler, where the
// methods are documented; the measuring harness compares it with others.
type Scheduler interface {
	Set(group string, sensors []Spec) (added, removed int)
	Len() int
	Groups() int
	Due() (time.Time, bool)
	Next(now time.Time) *Task
	Probe(now time.Time, failed map[string]bool, healthy bool) *Task
	Succeeded(t *Task, r schedule.Result)
	Failed(t *Task)
	Requeue(t *Task)
	ResetBackoff()
	Demand(now time.Time) (perHour, relaxed float64)
}

// Task is the schedule's entry of a sensor.
type Task = schedule.Task[*inventory.Sensor]

// Spec describes a sensor to the schedule.
type Spec = schedule.Spec[*inventory.Sensor]

// NewScheduler returns the Scheduler that an account runs with.
func NewScheduler(o schedule.Options) Scheduler { return schedule.New[*inventory.Sensor](o) }

// specs describes sensors to the schedule.
func specs(sensors []*inventory.Sensor) []Spec {
	all := make([]Spec, len(sensors))
	for i, s := range sensors {
		held := s.Entry.Load()
		state := schedule.State{
			Interval: held.Interval, Weight: s.Rule.Weight, MaxAge: s.Rule.MaxAge, Polled: held.LastSuccess, Failures: held.Failures,
		}
		if held.Failures > 0 {
			state.Polled = held.LastFailure
		}
		all[i] = Spec{ID: s.ID, Sensor: s, State: state, Position: &s.Entry.Position}
	}
	return all
}
