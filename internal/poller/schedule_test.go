package poller

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"innius_exporter/internal/poller/reading"

	"innius_exporter/innius"
)

func TestQueueGivesTheEarliestAndOfTwoTheFirstEntered(t *testing.T) {
	var q queue[int]
	r := rand.New(rand.NewPCG(1, 1))
	var want []*entry[int]
	for i := range 500 {
		e := newEntry(i)
		q.put(e, at(r.IntN(20)))
		want = append(want, e)
	}
	for range 200 { // moved
		q.put(want[r.IntN(len(want))], at(r.IntN(20)))
	}
	for range 100 { // taken out
		i := r.IntN(len(want))
		q.take(want[i])
		q.take(want[i]) // twice does no harm
		want = slices.Delete(want, i, i+1)
	}
	slices.SortFunc(want, func(a, b *entry[int]) int {
		if c := a.due.Compare(b.due); c != 0 {
			return c
		}
		return int(a.seq) - int(b.seq)
	})
	for i, e := range want {
		if first := q.first(); first != e {
			t.Fatalf("place %d: %d, want %d", i, first.value, e.value)
		}
		q.take(e)
	}
	if q.first() != nil {
		t.Error("something is left")
	}
}

func TestTakingFromAQueueLeavesAnotherAlone(t *testing.T) {
	var a, b queue[string]
	inA, inB := newEntry("a"), newEntry("b")
	a.put(inA, at(1))
	b.put(inB, at(1))
	b.take(inA)
	var none queue[string]
	none.take(inA)
	if a.first() != inA || b.first() != inB {
		t.Errorf("%v %v", a.first(), b.first())
	}
}

// sensorsOf makes sensors with these ids.
func sensorsOf(ids ...string) []*sensor {
	var list []*sensor
	for _, id := range ids {
		list = append(list, &sensor{machine: &machine{}, Sensor: &innius.Sensor{ID: id}, entry: reading.New()})
	}
	return list
}

// askAll asks as often as something is due by a moment and returns whom; a question takes no time.
func askAll(r *roundRobin, now time.Time) (asked []string) {
	for {
		due, ok := r.due()
		if !ok || due.After(now) || len(asked) > 100 {
			return asked
		}
		turn := r.next(now)
		asked = append(asked, turn.sensor.ID)
		r.answered(turn, outcome{})
	}
}

func TestRoundRobinAsksWhoWaitsLongest(t *testing.T) {
	r := newRoundRobin(10 * time.Second)
	r.set("m", sensorsOf("a", "b", "c"))
	var order []string
	for i := range 9 {
		turn := r.next(at(i * 30))
		order = append(order, turn.sensor.ID)
		r.answered(turn, outcome{})
	}
	if got := fmt.Sprint(order); got != "[a b c a b c a b c]" {
		t.Error(got)
	}
	r.set("n", sensorsOf("new"))
	if turn := r.next(at(300)); turn.sensor.ID != "new" {
		t.Errorf("%s goes before the one that was never asked", turn.sensor.ID)
	}
}

func TestRoundRobinKeepsTheMinimumInterval(t *testing.T) {
	r := newRoundRobin(10 * time.Second)
	r.set("m", sensorsOf("a", "b"))
	for _, c := range []struct{ second, want int }{{0, 2}, {5, 0}, {9, 0}, {10, 2}, {19, 0}, {300, 2}} {
		if got := askAll(r, at(c.second)); len(got) != c.want {
			t.Errorf("after %d s %v were asked, want %d", c.second, got, c.want)
		}
	}
}

func TestRoundRobinBacksOffWhatFailsAndForgets(t *testing.T) {
	r := newRoundRobin(10 * time.Second)
	r.set("m", sensorsOf("a"))
	now := at(0)
	for i, want := range []time.Duration{30, 60, 120, 240, 480, 960, 1920, 3600, 3600} {
		turn := r.next(now)
		r.failed(turn)
		due, _ := r.due()
		if wait := due.Sub(now); wait != want*time.Second {
			t.Errorf("after failure %d it waits %s, want %d s", i+1, wait, want)
		}
		now = due
	}
	turn := r.next(now)
	r.answered(turn, outcome{})
	r.failed(r.next(now.Add(time.Minute)))
	if due, _ := r.due(); due.Sub(now) != 90*time.Second {
		t.Errorf("a success did not end the back-off: %s", due.Sub(now))
	}
}

func TestRoundRobinAgainForgivesAndGoesBehindTheOthers(t *testing.T) {
	r := newRoundRobin(10 * time.Second)
	r.set("m", sensorsOf("a", "b", "c"))
	askAll(r, at(0))
	turn := r.next(at(60))
	r.again(turn)
	if next := r.next(at(60)); next.sensor.ID != "b" {
		t.Errorf("%s is asked next: who could not be asked keeps the others from it", next.sensor.ID)
	}
	r.failed(turn)
	r.again(turn)
	if turn.failures != 0 || turn.due.After(at(60)) {
		t.Errorf("not forgiven: %+v", turn)
	}
}

func TestRoundRobinLetsGoWhoLeavesWhileAsked(t *testing.T) {
	r := newRoundRobin(10 * time.Second)
	r.set("m", sensorsOf("a", "b"))
	r.set("n", sensorsOf("a"))
	under := r.next(at(0))
	r.set("m", sensorsOf("b", "c"))
	for _, back := range []func(*turn){func(t *turn) { r.answered(t, outcome{}) }, r.failed, r.again} {
		back(under)
	}
	if r.len() != 3 {
		t.Errorf("%d are known, want 3", r.len())
	}
	if got := askAll(r, at(0)); len(got) != 3 {
		t.Errorf("%v were asked, want b, a of the other machine and c", got)
	}
	r.set("m", nil)
	r.set("n", nil)
	if _, ok := r.due(); ok || r.len() != 0 || len(r.machines) != 0 {
		t.Errorf("%d are left, %d machines", r.len(), len(r.machines))
	}
}

func TestRoundRobinKeepsTheTurnOfASensorThatIsListedAgain(t *testing.T) {
	r := newRoundRobin(10 * time.Second)
	r.set("m", sensorsOf("a"))
	turn := r.next(at(0))
	turn.failures = 7
	r.set("m", sensorsOf("a"))
	r.failed(turn)
	if again := r.next(at(10)); again.failures != 8 || r.len() != 1 {
		t.Errorf("%+v", again)
	}
}

func TestBackOffDoublesToItsLimit(t *testing.T) {
	for _, c := range []struct {
		failures int
		want     time.Duration
	}{{0, 10}, {1, 10}, {2, 20}, {3, 40}, {4, 60}, {100, 60}, {1 << 40, 60}} {
		if got := backOff(c.failures, 10*time.Second, time.Minute); got != c.want*time.Second {
			t.Errorf("%d failures: %s, want %d s", c.failures, got, c.want)
		}
	}
}

func TestTheLevelIsBoundedWhileManySensorsFailOrArePromised(t *testing.T) {
	for name, spoil := range map[string]func(*turn){
		"failing":  func(t *turn) { t.failures = 1 },
		"promised": func(t *turn) { t.sensor.rule = &Rule{MaxAge: time.Second} },
		"never":    func(*turn) {},
	} {
		w := newWaterLevel(10*time.Second, time.Hour, func() float64 { return 24 })
		w.set("m", sensorsOf("a", "b", "c", "d", "e", "f", "g", "h"))
		for _, turn := range w.machines["m"] {
			turn.sensor.rule, turn.asked = noRule, at(0)
			if spoil(turn); turn.sensor.ID < "e" {
				turn.learn(seconds(at(0)), []float64{seconds(at(-20)), seconds(at(-10)), seconds(at(-1))}, true)
			}
		}
		w.level(at(1))
		if most := 2 * 8 / 24. * 3600; w.turn > most {
			t.Errorf("%s: a turn of %.0f s where a cycle is %.0f s", name, w.turn, most/2)
		}
	}
}

func TestMaxIntervalGoesWhereTheAllowanceCannotHoldIt(t *testing.T) {
	for perHour, want := range map[float64]float64{4: 2 * 3600, 40: 720} { // of 8 sensors: a cycle of 2 h, and of 12 min
		w := newWaterLevel(10*time.Second, time.Hour, func() float64 { return perHour })
		w.set("m", sensorsOf("a", "b", "c", "d", "e", "f", "g", "h"))
		for _, turn := range w.machines["m"] {
			turn.sensor.rule = noRule
			turn.learn(seconds(at(0)), []float64{seconds(at(-20)), seconds(at(-10)), seconds(at(-1))}, true)
		}
		w.level(at(1))
		if math.Abs(w.turn/want-1) > 0.02 {
			t.Errorf("%v an hour: a turn of %.0f s, want the cycle of %.0f s", perHour, w.turn, want)
		}
		if held := w.clamp(1e6) == 3600; held != (perHour == 40) {
			t.Errorf("%v an hour: a sensor is left for %.0f s at most", perHour, w.clamp(1e6))
		}
	}
}

func TestProbePrefersMachinesThatHaveNotFailed(t *testing.T) {
	r := newRoundRobin(10 * time.Second)
	for i, id := range []string{"m1", "m2"} {
		sensors := sensorsOf(id+"-a", id+"-b")
		for _, s := range sensors {
			s.machine.ID = id
		}
		r.set(id, sensors)
		for range 2 {
			r.answered(r.next(at(i)), outcome{})
		}
	}
	failed := map[string]bool{"m1": true}
	if turn := r.probe(at(20), failed, true); turn.sensor.machine.ID != "m2" {
		t.Errorf("%s is probed", turn.sensor.ID)
	}
	if turn := r.probe(at(20), map[string]bool{"m1": true, "m2": true}, true); turn.sensor.ID != "m1-a" {
		t.Errorf("all have failed, and %s is probed instead of the one polled longest ago", turn.sensor.ID)
	}
}
