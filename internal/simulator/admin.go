package simulator

import (
	"net/http"
	"time"
)

// SetKey makes a key the valid one; the one before gets 401, unless it was revoked with another status.
func (s *Server) SetKey(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.key = key
	delete(s.revoked, key)
}

// RevokeKey ends the valid key: from now on it gets this status, 401 or 403. Until SetKey no key is valid.
func (s *Server) RevokeKey(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoked[s.key] = status
}

// SetLimits changes the limits. What was used under limits of the same kind stays used.
func (s *Server) SetLimits(l Limits) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.meter.set(l, time.Now())
}

// EmptyMachines makes the list of machines come empty, or whole again. Sensors and values stay reachable.
func (s *Server) EmptyMachines(empty bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := *s.plant
	next.hidden = empty
	s.plant = &next
}

// AddMachine adds a machine, or replaces the one with its id.
func (s *Server) AddMachine(m Machine) {
	own := newMachine(m)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plant = s.plant.with(own)
}

// RemoveMachine takes a machine away and reports whether it existed.
func (s *Server) RemoveMachine(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	existed := s.plant.machine(id) != nil
	s.plant = s.plant.without(id)
	return existed
}

// AddSensor adds a sensor to a machine, or replaces the one with its id; it reports whether the machine exists.
func (s *Server) AddSensor(machineID string, sensor Sensor) bool {
	own := newSeries(sensor)
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.plant.machine(machineID)
	if m == nil {
		return false
	}
	s.plant = s.plant.with(m.with(own))
	return true
}

// RemoveSensor takes a sensor away and reports whether it existed.
func (s *Server) RemoveSensor(machineID, sensorID string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.plant.machine(machineID)
	if m == nil {
		return false
	}
	rest := m.without(sensorID)
	s.plant = s.plant.with(rest)
	return len(rest.sensors) < len(m.sensors)
}

// WireID is the id under which the API shows a plant's id: itself, or a number with Format.NumericIDs.
func (s *Server) WireID(id string) string { return s.opts.Format.wireID(id) }

// Inject adds a fault and returns what removes it again.
func (s *Server) Inject(f Fault) (remove func()) { return s.faults.add(f) }

// Stats returns a copy of the counts. It may be called at any time.
func (s *Server) Stats() Stats {
	now := s.counters.snapshot()
	now.Faults = s.faults.counted()
	return now
}

// Client returns a client of this Server, as Pipe does.
func (s *Server) Client() (client *http.Client, closeAll func()) { return Pipe(s) }
