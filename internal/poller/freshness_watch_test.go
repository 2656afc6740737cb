package poller

import (
	"sync"
	"time"

	"innius_exporter/internal/poller/schedule"
)

// watch is a schedule under observation: it notes each answer, and the lag that it ends.
type watch struct {
	Scheduler
	*ledger
}

// ledger is what a run adds up. The loop writes it; the run switches it on and reads it.
type ledger struct {
	mu       sync.Mutex
	subjects map[string]*subject // by sensor id
	until    time.Time           // end of the run
	machines map[string][]*sensor
	tracks   map[string]*track // by sensor id; dead ones have none
	tally    *tally            // nil while nothing counts yet
	answers  int               // about sensors
	wasted   int               // those without news
}

func newLedger(subjects map[string]*subject, until time.Time) *ledger {
	return &ledger{subjects: subjects, until: until, machines: map[string][]*sensor{}, tracks: map[string]*track{}}
}

func (w watch) Set(machineID string, specs []schedule.Spec[*sensor]) (added, removed int) {
	var sensors []*sensor
	for _, s := range specs {
		sensors = append(sensors, s.Sensor)
	}
	w.know(machineID, sensors)
	return w.Scheduler.Set(machineID, specs)
}

func (w watch) Succeeded(t *task, r schedule.Result) {
	w.note(t, r.Received, len(r.Times) > 0)
	w.Scheduler.Succeeded(t, r)
}

// know begins to account for sensors that the loop hears of, and ends for those that it forgets.
func (l *ledger) know(machineID string, sensors []*sensor) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, present := time.Now(), map[string]bool{}
	for _, s := range sensors {
		present[s.ID] = true
		if truth := l.subjects[s.ID]; l.tracks[s.ID] == nil && truth.Period > 0 {
			l.tracks[s.ID] = truth.track(now, l.until)
		}
	}
	for _, s := range l.machines[machineID] {
		if k := l.tracks[s.ID]; k != nil && !present[s.ID] {
			k.advance(now.UnixNano(), l.tally)
			delete(l.tracks, s.ID)
		}
	}
	l.machines[machineID] = sensors
}

func (s *subject) track(now, until time.Time) *track {
	at := now.UnixNano()
	return &track{truth: newTruth(s.Sensor, now, until), weight: s.weight, maxAge: int64(s.maxAge), exposed: at, now: at}
}

func (l *ledger) note(t *task, now time.Time, news bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if k := l.tracks[t.Sensor.ID]; k != nil {
		var exposed int64 // what time.Time cannot say of its zero
		if at := t.Sensor.entry.Load().Time; !at.IsZero() {
			exposed = at.UnixNano()
		}
		k.stored(now.UnixNano(), exposed, l.tally)
	}
	if l.tally != nil {
		l.answers++
		if !news {
			l.wasted++
		}
	}
}

// count accounts for all up to now, and lets what follows count.
func (l *ledger) count() *tally {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, k := range l.tracks {
		k.advance(time.Now().UnixNano(), l.tally)
	}
	if l.tally == nil {
		l.tally = &tally{}
	}
	return l.tally
}
