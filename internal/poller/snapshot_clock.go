package poller

import (
	"slices"
	"time"
)

// asOf returns the snapshot as it is to be read at a moment. Where our clock was set back since, what we noted seems to
// lie ahead, and lists and sensors would not be asked for before: it is moved back by as much as the clock was, and is at
// no time later than now. What the source stamped stays as it is, by the source's clock; ledger, limit and lessons have
// rules of their own.
func (s *Snapshot) asOf(now time.Time) *Snapshot {
	back := max(0, s.At.Sub(now))
	own := &Snapshot{At: s.At, Accounts: slices.Clone(s.Accounts)}
	for i := range own.Accounts {
		own.Accounts[i].move(func(at *time.Time) {
			if !at.IsZero() {
				*at = at.Add(-back)
			}
			if at.After(now) {
				*at = now
			}
		})
	}
	return own
}

// move moves what was noted by our own clock, in copies of what an account shares with others.
func (k *KeptAccount) move(change func(*time.Time)) {
	change(&k.ListedAt)
	change(&k.Limit.Since)
	k.Machines = slices.Clone(k.Machines)
	for i := range k.Machines {
		m := &k.Machines[i]
		change(&m.ListedAt)
		change(&m.Since)
		m.Sensors = slices.Clone(m.Sensors)
		for j := range m.Sensors {
			s := &m.Sensors[j]
			gap := s.Planned.Sub(s.LastSuccess)
			if change(&s.LastSuccess); !s.Planned.IsZero() {
				s.Planned = s.LastSuccess.Add(gap)
			}
			change(&s.FailingSince)
			change(&s.LastFailure)
		}
	}
}
