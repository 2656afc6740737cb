package ratelimit

import (
	"testing"
	"time"
)

// accepts records one request per interval.
func accepts(l *Learner, from, to, each time.Duration) {
	for at := from; at < to; at += each {
		l.Accepted(start.Add(at), 1)
	}
}

// full is a learner that reached an hourly limit of 60 after half an hour.
func full() *Learner {
	l := New(Limit{100, 5})
	accepts(l, 0, 30*time.Minute, 30*time.Second)
	l.Refused(Refusal{At: start.Add(30 * time.Minute), Wait: 30 * time.Minute, Stated: true})
	return l
}

func TestLearnerWaitsForFullHour(t *testing.T) {
	l := full()
	if limit := l.Limit(); limit.PerHour < 58 || limit.PerHour > 58.5 || limit.Burst != 1 {
		t.Fatalf("limit %v", limit)
	}
	for at, row := range map[time.Duration]struct {
		inFlight int
		want     time.Duration // about
	}{
		60 * time.Minute:                {0, time.Second},
		60*time.Minute + time.Second:    {0, 30 * time.Second}, // one is kept in reserve
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

func TestLearnerRecognisesHourlyLimit(t *testing.T) {
	l := full()
	accepts(l, 60*time.Minute, 5*time.Hour, 61*time.Second)
	l.Refused(Refusal{At: start.Add(5 * time.Hour), Wait: 5 * time.Second, Stated: true})
	if rate := l.Limit().PerHour; rate < 56 || rate >= 0.97*60 || l.Search.High > 0 {
		t.Errorf("rate %v, search %+v: want it just under the one before, and no search", rate, l.Search)
	}
}

// A bucket that gains a request in 27 min cannot have the next one after 100 s.
func TestLearnerTwoWaitsRefuteBucket(t *testing.T) {
	l := New(Limit{200, 6})
	accepts(l, 0, 3*time.Hour, 18*time.Second)
	l.Refused(Refusal{At: start.Add(3 * time.Hour), Wait: 1640 * time.Second, Stated: true})
	if rate := l.Limit().PerHour; rate != 190 {
		t.Fatalf("rate %v: want a cautious step, because earlier hours contradict the limit", rate)
	}
	end := 3*time.Hour + 1640*time.Second
	l.Accepted(start.Add(end+5*time.Second), 1)
	l.Refused(Refusal{At: start.Add(end + 40*time.Second), Wait: 63 * time.Second, Stated: true})
	if rate := l.Limit().PerHour; rate < 100 || rate > 110 {
		t.Errorf("rate %v, want about 105: what the hour had accepted", rate)
	}
}
