package poller

import (
	"math/rand/v2"
	"net/http"
	"time"

	"innius_exporter/internal/simulator"
)

// alone is an hour in which one kind of fault strikes and no other.
func (m *month) alone(kind simulator.FaultKind) {
	remove := m.api.Inject(m.often(m.fault(kind)))
	m.look(time.Hour)
	remove()
	m.recovers(string(kind))
}

// mixed are two hours in which all kinds strike at random.
func (m *month) mixed() {
	var removes []func()
	for _, kind := range simulator.FaultKinds() {
		f := m.fault(kind)
		f.Probability = 0.01
		switch kind {
		case simulator.TooMany, simulator.EndlessBody: // the one lowers the rate for hours, the other costs the test much
			f.Probability = 0.001
		}
		removes = append(removes, m.api.Inject(f))
	}
	m.look(2 * time.Hour)
	for _, remove := range removes {
		remove()
	}
	m.recovers("mixed faults")
}

// fault is one of a kind, with the size of it left to chance.
func (m *month) fault(kind simulator.FaultKind) simulator.Fault {
	f := simulator.Fault{Kind: kind}
	switch kind {
	case simulator.Slow:
		f.Delay = time.Duration(1+m.dice.IntN(8)) * time.Second
	case simulator.TooMany:
		f.Delay = time.Duration(1+m.dice.IntN(4)) * time.Minute
	case simulator.ClockOff:
		f.Delay = drawn(m.dice, 90*time.Second, 20*time.Minute, 5*time.Hour, 3*365*24*time.Hour)
		f.Delay *= drawn(m.dice, time.Duration(-1), 1)
	}
	return f
}

// often says which part of the requests of an hour a fault meets: nearly all or all of them, but for faults that would
// cost the hour's requests, or the machine that runs the test, too much.
func (m *month) often(f simulator.Fault) simulator.Fault {
	switch f.Kind {
	case simulator.TooMany:
		f.Probability, f.Times = 0.05, 12
	case simulator.EndlessBody:
		f.Probability, f.Times = 0.5, 8
	default:
		f.Probability = drawn(m.dice, 0.4, 0.9, 1)
	}
	return f
}

func drawn[T any](dice *rand.Rand, choices ...T) T { return choices[dice.IntN(len(choices))] }

// events are what happens between the faults, each followed by a recovery.
func (m *month) events() []func() {
	return []func(){
		m.halts, m.guestComes, m.keyRevoked(http.StatusUnauthorized), m.reloads, m.outage(simulator.Unavailable), m.crashes,
		m.guestLeaves, m.keyRevoked(http.StatusForbidden), m.keyUnreadable, m.outage(simulator.Reset), m.listEmpty,
	}
}

func (m *month) starts() {
	m.started = time.Now()
	m.run()
}

func (m *month) halts() {
	m.restart(time.Duration(m.dice.IntN(600)) * time.Second)
	m.report.restarts++
	m.starts()
	m.recovers("restart")
}

func (m *month) crashes() {
	written := m.poller.Snapshot()
	m.look(10 * time.Minute)
	m.make(m.crash(written))
	m.report.restarts++
	m.starts()
	m.recovers("crash")
}

// forgets starts without what was kept. The burst is full again by then.
func (m *month) forgets() {
	m.stop()
	time.Sleep(5 * time.Minute)
	m.make(nil)
	m.report.restarts++
	m.starts()
	m.recovers("cold start")
}

func (m *month) reloads() {
	m.reload(nil)
	m.started = time.Now()
	m.closePipes()
	m.report.reloads++
	m.recovers("reload")
}

func (m *month) guestComes() {
	m.api.AddMachine(guest())
	m.machines = guestMachine
	m.recovers("new machine")
}

func (m *month) guestLeaves() {
	m.api.RemoveMachine(guest().ID)
	m.machines = oddMachine
	m.recovers("removed machine")
}

func (m *month) keyRevoked(status int) func() {
	return func() {
		m.api.RevokeKey(status)
		m.look(20 * time.Minute)
		m.api.SetKey(canary)
		m.recovers("revoked key")
	}
}

func (m *month) keyUnreadable() {
	m.key.set("", true)
	m.look(10 * time.Minute)
	m.key.set(canary, false)
	m.recovers("unreadable key")
}

func (m *month) outage(kind simulator.FaultKind) func() {
	return func() {
		remove := m.api.Inject(simulator.Fault{Kind: kind})
		m.look(40 * time.Minute)
		remove()
		m.recovers("outage by " + string(kind))
	}
}

func (m *month) listEmpty() {
	m.api.EmptyMachines(true)
	m.look(10 * time.Minute)
	m.api.EmptyMachines(false)
	m.recovers("empty list")
}
