package schedule

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

var start = time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)

// at is a number of seconds after the start.
func at(second int) time.Time { return start.Add(time.Duration(second) * time.Second) }

// scheduler is one with the default intervals.
func scheduler(perHour float64) *Scheduler[string] {
	return New[string](Options{MinInterval: 10 * time.Second, MaxInterval: time.Hour, PerHour: func() float64 { return perHour }})
}

// specs describes sensors of these ids.
func specs(ids ...string) []Spec[string] {
	var all []Spec[string]
	for _, id := range ids {
		all = append(all, Spec[string]{ID: id, Sensor: id})
	}
	return all
}

// succeed returns a task whose poll brought nothing and took no time.
func succeed(s *Scheduler[string], t *Task[string]) { s.Succeeded(t, Result{Received: t.Polled}) }

// pollAll polls what is due at a moment and returns the sensors.
func pollAll(s *Scheduler[string], now time.Time) (polled []string) {
	for {
		due, ok := s.Due()
		if !ok || due.After(now) || len(polled) > 100 {
			return polled
		}
		t := s.Next(now)
		polled = append(polled, t.Sensor)
		succeed(s, t)
	}
}

func TestSchedulerPollsNewSensorsInOrder(t *testing.T) {
	s := scheduler(1200)
	s.Set("m", specs("a", "b", "c"))
	if got := fmt.Sprint(pollAll(s, at(0))); got != "[a b c]" {
		t.Errorf("polled %s", got)
	}
	s.Set("n", specs("new"))
	if got := s.Next(at(3600)).Sensor; got != "new" {
		t.Errorf("%s goes before the sensor that was never polled", got)
	}
}

func TestSchedulerAppliesMinInterval(t *testing.T) {
	s := scheduler(1e6)
	s.Set("m", specs("a"))
	for _, i := range []*Interval{nil, Regular(time.Second, at(0))} {
		task := s.Next(at(20))
		if i != nil {
			task.Interval = i
		}
		s.Succeeded(task, Result{Received: at(21)})
		if due, _ := s.Due(); due != at(30) || task.Gap != 9*time.Second {
			t.Errorf("due in %s, gap %s, want 10 s after the request", due.Sub(at(20)), task.Gap)
		}
	}
}

func TestSchedulerBacksOffAfterFailures(t *testing.T) {
	s := scheduler(1200)
	s.Set("m", specs("a"))
	now := at(0)
	for i, want := range []time.Duration{30, 60, 120, 240, 480, 960, 1920, 3600, 3600} {
		s.Failed(s.Next(now))
		due, _ := s.Due()
		if wait := due.Sub(now); wait != want*time.Second {
			t.Errorf("after failure %d it waits %s, want %d s", i+1, wait, want)
		}
		now = due
	}
	succeed(s, s.Next(now))
	s.Failed(s.Next(now.Add(time.Minute)))
	if due, _ := s.Due(); due.Sub(now) != 90*time.Second {
		t.Errorf("after a success it still backs off: %s", due.Sub(now))
	}
}

func TestSchedulerRequeueEndsBackOffBehindOthers(t *testing.T) {
	s := scheduler(1200)
	s.Set("m", specs("a", "b", "c"))
	for range 3 {
		s.Requeue(s.Next(at(0)))
	}
	task := s.Next(at(60))
	s.Requeue(task)
	if next := s.Next(at(60)); next.Sensor != "b" {
		t.Errorf("%s is next: a sensor that cannot be polled blocks the others", next.Sensor)
	}
	s.Failed(task)
	s.ResetBackoff()
	if task.Failures != 0 || task.Due().After(at(60)) {
		t.Errorf("%d failures, due in %s", task.Failures, task.Due().Sub(at(60)))
	}
}

func TestSchedulerDropsSensorRemovedDuringPoll(t *testing.T) {
	s := scheduler(1200)
	s.Set("m", specs("a", "b"))
	s.Set("n", specs("a"))
	task := s.Next(at(0))
	if added, removed := s.Set("m", specs("b", "c")); added != 1 || removed != 1 {
		t.Errorf("%d added, %d removed", added, removed)
	}
	for _, back := range []func(*Task[string]){func(t *Task[string]) { succeed(s, t) }, s.Failed, s.Requeue} {
		back(task)
	}
	if got := fmt.Sprint(pollAll(s, at(0))); s.Len() != 3 || got != "[b a c]" {
		t.Errorf("%d sensors, polled %s", s.Len(), got)
	}
	s.Set("m", nil)
	s.Set("n", nil)
	if _, ok := s.Due(); ok || s.Len() != 0 || s.Groups() != 0 {
		t.Errorf("%d sensors and %d groups are left", s.Len(), s.Groups())
	}
}

func TestSchedulerKeepsTaskOfSensorListedAgain(t *testing.T) {
	s := scheduler(1200)
	s.Set("m", specs("a"))
	task := s.Next(at(0))
	task.Failures = 7
	s.Set("m", specs("a"))
	s.Failed(task)
	if again := s.Next(at(10)); again.Failures != 8 || s.Len() != 1 {
		t.Errorf("%d failures of %d sensors", again.Failures, s.Len())
	}
}

func TestSchedulerContinuesFromRestoredState(t *testing.T) {
	s := scheduler(1200)
	s.Set("m", []Spec[string]{
		{ID: "polled", Sensor: "polled", State: State{Polled: at(-5)}},
		{ID: "failing", Sensor: "failing", State: State{Polled: at(-20), Failures: 2}},
		{ID: "new", Sensor: "new"},
	})
	for _, want := range []struct {
		sensor string
		due    time.Time
	}{{"new", time.Time{}}, {"polled", at(5)}, {"failing", at(40)}} {
		if due, _ := s.Due(); due != want.due {
			t.Errorf("%s is due at %s, want %s", want.sensor, due, want.due)
		}
		if got := s.Next(at(100)).Sensor; got != want.sensor {
			t.Errorf("%s is next, want %s", got, want.sensor)
		}
	}
}

func TestSchedulerTakesOverLevelAndPlan(t *testing.T) {
	before, after := scheduler(4), scheduler(4)
	all := specs("a", "b", "c", "d", "e", "f", "g", "h")
	before.Set("m", all)
	pollAll(before, at(0))
	for i := range all {
		all[i].Interval, all[i].Polled = Regular(time.Second, at(0)), at(0)
	}
	after.Set("m", all)
	after.TakeOver(before)
	if due, _ := after.Due(); due.Before(at(3600)) {
		t.Errorf("due after %s, want the cycle of two hours", due.Sub(at(0)))
	}
}

func TestBackOffDoublesToItsLimit(t *testing.T) {
	for _, c := range []struct {
		failures int
		want     time.Duration
	}{{0, 10}, {1, 10}, {2, 20}, {3, 40}, {4, 60}, {100, 60}, {1 << 40, 60}} {
		if got := BackOff(c.failures, 10*time.Second, time.Minute); got != c.want*time.Second {
			t.Errorf("%d failures: %s, want %d s", c.failures, got, c.want)
		}
	}
}

func TestLevelIsBoundedByFailingAndTargetSensors(t *testing.T) {
	for name, change := range map[string]func(*State){
		"failing": func(s *State) { s.Failures = 1 },
		"max_age": func(s *State) { s.MaxAge = time.Second },
		"none":    func(*State) {},
	} {
		s := scheduler(24)
		s.Set("m", specs("a", "b", "c", "d", "e", "f", "g", "h"))
		for _, task := range s.All() {
			task.Polled = at(0)
			if change(&task.State); task.Sensor < "e" {
				task.Interval = Regular(10*time.Second, at(0))
			}
		}
		s.updateLevel(at(1))
		if most := 2 * 8 / 24. * 3600; s.fill.level > most {
			t.Errorf("%s: level %.0f s, the cycle is %.0f s", name, s.fill.level, most/2)
		}
	}
}

func TestDemandEndsWithTheLastSensor(t *testing.T) {
	s := scheduler(1200)
	s.Set("m", []Spec[string]{{ID: "a", Sensor: "a", State: State{Interval: Regular(time.Minute, at(0)), Polled: at(0)}}})
	if perHour, _ := s.Demand(at(60)); perHour < 50 || perHour > 70 {
		t.Errorf("%v requests per hour for one reading a minute", perHour)
	}
	s.Set("m", nil)
	if perHour, relaxed := s.Demand(at(120)); perHour != 0 || relaxed != 1 {
		t.Errorf("without sensors: %v requests per hour, relaxed by %v", perHour, relaxed)
	}
}

func TestMaxIntervalIsDroppedIfRateLimitIsTooLow(t *testing.T) {
	for perHour, want := range map[float64]float64{4: 2 * 3600, 40: 720} { // of 8 sensors: a cycle of 2 h, and of 12 min
		s := scheduler(perHour)
		all := specs("a", "b", "c", "d", "e", "f", "g", "h")
		for i := range all {
			all[i].Interval = Regular(10*time.Second, at(0))
		}
		s.Set("m", all)
		s.updateLevel(at(1))
		if math.Abs(s.fill.level/want-1) > 0.02 {
			t.Errorf("%v per hour: level %.0f s, want the cycle of %.0f s", perHour, s.fill.level, want)
		}
		if applied := s.fill.clamp(1e6) == 3600; applied != (perHour == 40) {
			t.Errorf("%v per hour: a sensor waits up to %.0f s", perHour, s.fill.clamp(1e6))
		}
	}
}

func TestProbePrefersHealthyGroups(t *testing.T) {
	s := scheduler(1200)
	for i, id := range []string{"m1", "m2"} {
		s.Set(id, specs(id+"-a", id+"-b"))
		for range 2 {
			succeed(s, s.Next(at(i)))
		}
	}
	if task := s.Probe(at(20), map[string]bool{"m1": true}, true); task.group != "m2" {
		t.Errorf("%s is probed", task.Sensor)
	}
	if task := s.Probe(at(20), map[string]bool{"m1": true, "m2": true}, true); task.Sensor != "m1-a" {
		t.Errorf("%s is probed, want the one polled longest ago", task.Sensor)
	}
	s.Set("m1", nil)
	s.Set("m2", nil)
	if task := s.Probe(at(20), nil, true); task != nil {
		t.Errorf("%s is probed of no sensors", task.Sensor)
	}
}

func TestProbePrefersSensorsWhoseLastPollSucceeded(t *testing.T) {
	s := scheduler(1200)
	s.Set("m", specs("requeued", "good"))
	s.Requeue(s.Next(at(0)))
	for task := s.Next(at(1)); ; task = s.Next(at(2)) {
		if task.Sensor == "good" {
			succeed(s, task)
			break
		}
		s.Requeue(task)
	}
	if task := s.Probe(at(20), nil, true); task.Sensor != "good" {
		t.Errorf("%s is probed", task.Sensor)
	}
}

func TestPositionFollowsTask(t *testing.T) {
	var p, second Position
	if p.Load() != 0 {
		t.Error("a place before any schedule")
	}
	s := scheduler(1200)
	s.Set("m", []Spec[string]{{ID: "a", Position: &p}, {ID: "b", Position: &second}})
	waiting, next := p.Load(), second.Load()
	task := s.Next(at(0))
	polling := p.Load()
	succeed(s, task)
	planned := p.Load()
	if !waiting.Due().IsZero() || polling != Polling || !planned.Due().Equal(task.Due()) {
		t.Errorf("places %d, %d, %d", waiting, polling, planned)
	}
	if waiting >= next || next >= planned || planned >= polling {
		t.Errorf("places %d, %d, %d, %d are not in order", waiting, next, planned, polling)
	}
}

// BenchmarkDecision is one choice of a sensor, and what is learned from a response with a new reading. It must grow only
// with the logarithm of the number of sensors.
func BenchmarkDecision(b *testing.B) {
	for _, sensors := range []int{1_000, 100_000} {
		b.Run(fmt.Sprintf("sensors=%d", sensors), func(b *testing.B) {
			s, now := benchScheduler(sensors), start
			for b.Loop() {
				now = now.Add(3 * time.Second)
				s.Succeeded(s.Next(now), Result{Received: now, Complete: true, Times: []time.Time{now.Add(-time.Second)}})
			}
		})
	}
}

// BenchmarkLevel computes the level, which happens 20 times a cycle and is the longest that the loop stalls. It must stay
// below 5 ms for any number of sensors.
func BenchmarkLevel(b *testing.B) {
	for _, sensors := range []int{1_000, 100_000} {
		b.Run(fmt.Sprintf("sensors=%d", sensors), func(b *testing.B) {
			s := benchScheduler(sensors)
			for b.Loop() {
				s.fill.computed = time.Time{}
				s.updateLevel(start)
			}
		})
	}
}

// benchScheduler is a Scheduler of sensors with different learned intervals.
func benchScheduler(sensors int) *Scheduler[string] {
	s := scheduler(1200)
	r := rand.New(rand.NewPCG(1, 1))
	for m := range sensors / 100 {
		var all []Spec[string]
		for n := range 100 {
			period := time.Duration((1 + 3600*r.Float64()) * float64(time.Second))
			var times []float64
			for i := range 40 {
				times = append(times, seconds(start.Add(time.Duration(i-40)*period+time.Duration(r.Int64N(int64(period/20))))))
			}
			i := &Interval{}
			i.Learn(seconds(start), times, true)
			all = append(all, Spec[string]{ID: fmt.Sprint(n), State: State{Interval: i, Polled: start}})
		}
		s.Set(fmt.Sprint(m), all)
	}
	return s
}

// After a restart with a clock that is wrong, until a reading shows which clock the sensor follows.
func TestSchedulerPlansByAPIClockUntilAReadingComes(t *testing.T) {
	for _, ahead := range []time.Duration{-24 * time.Hour, -time.Hour, 0, time.Hour, 24 * time.Hour} {
		s, now := scheduler(1200), at(300).Add(-ahead)
		known := State{Interval: Regular(20*time.Minute, at(0)), Polled: now.Add(-time.Minute)}
		s.Set("m", []Spec[string]{{ID: "a", State: known}})
		s.Succeeded(s.Next(now), Result{Received: now, Ahead: ahead})
		if due, _ := s.Due(); due.Sub(now) < 14*time.Minute || due.Sub(now) > 16*time.Minute {
			t.Errorf("clock %s behind: due in %s, the next reading comes in 15 min", ahead, due.Sub(now))
		}
	}
}
