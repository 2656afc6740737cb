package ratelimit

import (
	"testing"
	"time"
)

// accepts takes in requests, one each so often, from a moment to just before another.
func accepts(l *Learner, from, to, each time.Duration) {
	for at := from; at < to; at += each {
		l.Accepted(start.Add(at), 1)
	}
}

// full is a learner that has met an hourly limit of 60 after half an hour.
func full() *Learner {
	l := New(Terms{100, 5})
	accepts(l, 0, 30*time.Minute, 30*time.Second)
	l.Refused(Refusal{At: start.Add(30 * time.Minute), Wait: 30 * time.Minute, Stated: true})
	return l
}

func TestAnHourThatIsFullIsWaitedFor(t *testing.T) {
	l := full()
	if terms := l.Terms(); terms.PerHour < 58 || terms.PerHour > 58.5 || terms.Burst != 1 {
		t.Fatalf("terms %v", terms)
	}
	for at, row := range map[time.Duration]struct {
		inFlight int
		want     time.Duration // about
	}{
		60 * time.Minute:                {0, time.Second},
		60*time.Minute + time.Second:    {0, 30 * time.Second}, // one is left over
		60*time.Minute + 31*time.Second: {0, 0},
		62 * time.Minute:                {2, 0},
		63 * time.Minute:                {6, time.Second},
	} {
		l := full()
		if got := l.Wait(start.Add(at), row.inFlight); (got > 0) != (row.want > 0) || got > 31*time.Second {
			t.Errorf("after %s with %d in flight: wait %s, want %s", at, row.inFlight, got, row.want)
		}
	}
}

func TestAKnownHourlyLimitIsRecognised(t *testing.T) {
	l := full()
	accepts(l, 60*time.Minute, 5*time.Hour, 61*time.Second)
	l.Refused(Refusal{At: start.Add(5 * time.Hour), Wait: 5 * time.Second, Stated: true})
	if rate := l.Terms().PerHour; rate < 56 || rate >= 0.97*60 || l.search.high > 0 {
		t.Errorf("rate %v, search %+v: want it just under the one before, and no search", rate, l.search)
	}
}

// TestTwoWaitsRefuteABucket: one that gains a request in 27 min at best does not have the next after 100 s.
func TestTwoWaitsRefuteABucket(t *testing.T) {
	l := New(Terms{200, 6})
	accepts(l, 0, 3*time.Hour, 18*time.Second)
	l.Refused(Refusal{At: start.Add(3 * time.Hour), Wait: 1640 * time.Second, Stated: true})
	if rate := l.Terms().PerHour; rate != 190 {
		t.Fatalf("rate %v: a limit that earlier hours contradict is to be doubted", rate)
	}
	end := 3*time.Hour + 1640*time.Second
	l.Accepted(start.Add(end+5*time.Second), 1)
	l.Refused(Refusal{At: start.Add(end + 40*time.Second), Wait: 63 * time.Second, Stated: true})
	if rate := l.Terms().PerHour; rate < 100 || rate > 110 {
		t.Errorf("rate %v, want some 105: what the hour had accepted", rate)
	}
}
