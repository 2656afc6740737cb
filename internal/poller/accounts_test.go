package poller

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/simulator"
)

// shared is a setting of two accounts whose keys can read the same machines.
func shared() setup {
	begin := looking(3, 2)
	begin.more = []setup{{plant: testPlant(3, 2)}}
	return begin
}

// polls counts the requests for values of an account's machine.
func (s *scenario) polls(account, machine int) int {
	n := 0
	for id, count := range s.apis[account-1].Stats().Values {
		if strings.HasPrefix(id, fmt.Sprintf("m%d-", machine)) {
			n += count
		}
	}
	return n
}

func TestMachineOfTwoAccountsIsPolledOnce(t *testing.T) {
	runScenario(t, shared(), func(s *scenario) {
		s.advance(30 * time.Minute)
		s.wantMachines(2, 1, 2, 3)
		for m := 1; m <= 3; m++ {
			// Which list comes first is random. Until the first account has its list, the second may poll.
			if first, second := s.polls(1, m), s.polls(2, m); first < 50 || second > 10 {
				t.Errorf("machine %d was polled %d times by the first account and %d by the second", m, first, second)
			}
		}
		s.want(`innius_exporter_sensors{account="a1",status="current"}`, 6)
		s.want(`innius_exporter_sensors{account="a2",status="excluded"}`, 6)
		for _, one := range s.sensorsOf(2) {
			if one.Sensor.Excluded.PolledBy != "a1" || one.Exposed || one.next.WaitsFor != "" {
				t.Errorf("of account a2: %+v", one)
			}
		}
	})
}

func TestSecondAccountTakesOverMachine(t *testing.T) {
	runScenario(t, shared(), func(s *scenario) {
		s.advance(9 * time.Minute)
		before := s.polls(2, 2)
		s.api.RemoveMachine("m2")
		for range 30 {
			s.advance(time.Minute)
			s.wantMachines(2, 1, 2, 3) // its values are never missing
		}
		if n := s.polls(2, 2) - before; n < 50 {
			t.Errorf("the second account polled %d times since", n)
		}
		s.want(`innius_exporter_sensors{account="a2",status="current"}`, 2)
		s.checkFresh(2, time.Minute)
		s.api.AddMachine(machineOf(2, 2))
		s.advance(15 * time.Minute)
		second := s.polls(2, 2)
		s.advance(10 * time.Minute)
		if n := s.polls(2, 2) - second; n != 0 {
			t.Errorf("the second account polled %d times, although the first has the machine again", n)
		}
		s.wantMachines(2, 1, 2, 3)
		s.checkFresh(2, time.Minute)
	})
}

func (s *scenario) checkFresh(machine int, age time.Duration) {
	s.Helper()
	if at := s.gather()[series("innius_sensor_timestamp_seconds", machine, 1)]; seconds(time.Now())-at > age.Seconds() {
		s.Errorf("machine %d was read last %v s ago", machine, seconds(time.Now())-at)
	}
}

func TestSecondAccountPollsWhatFirstMayNot(t *testing.T) {
	begin := shared()
	begin.more[0].plant = testPlant(3, 4)
	runScenario(t, begin, func(s *scenario) {
		s.advance(30 * time.Minute)
		if n := s.gather().count("innius_sensor_value"); n != 12 {
			t.Errorf("%d values, want all 12", n)
		}
		s.want(`innius_exporter_sensors{account="a1",status="current"}`, 6)
		s.want(`innius_exporter_sensors{account="a2",status="current"}`, 6)
	})
}

func TestOutageAffectsOneAccount(t *testing.T) {
	begin := setup{plant: testPlant(2, 2), faults: []simulator.Fault{{Kind: simulator.Hang}}}
	other := testPlant(2, 2)
	other.Company.ID, other.Company.Name = "other.example", "Other"
	begin.more = []setup{{plant: other}}
	runScenario(t, begin, func(s *scenario) {
		s.advance(20 * time.Minute)
		if s.api.Stats().Faults[simulator.Hang] == 0 {
			t.Fatal("the fault did not happen")
		}
		s.want(upA1, 0)
		s.want(`innius_up{account="a2"}`, 1)
		if n := s.gather().count("innius_sensor_value"); n != 4 {
			t.Errorf("%d values of the second account, want 4", n)
		}
		if !s.poller.Ready() {
			t.Error("a discovery that failed is one too")
		}
	})
}

// nasty is a plant of names that collide with each other and with the labels made from them.
func nasty(company, name string) simulator.Plant {
	p := simulator.Plant{Company: simulator.Company{ID: company, Name: name}}
	long := strings.Repeat("Förderband ", 30)
	for i, machine := range []string{"X", "X", "X (m1)", "", "m3", `a "b" \ c` + "\n", long + "1", long + "2"} {
		m := simulator.Machine{ID: fmt.Sprintf("m%d", i), Name: machine}
		for j, sensor := range []string{"T", "T", "T (s1)", "T (2)", "", " ", "s4", "\xff", "\xfe"} {
			m.Sensors = append(m.Sensors, simulator.Sensor{ID: fmt.Sprintf("s%d", j), Name: sensor, Unit: "°C", Period: 10 * time.Second})
		}
		p.Company.Machines = append(p.Company.Machines, m)
	}
	return p
}

func TestSensorsAreExposedWithAnyNames(t *testing.T) {
	for _, mode := range []inventory.LabelMode{inventory.LabelName, inventory.LabelID} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			begin := setup{plant: nasty("c1", "Works"), burst: 300, options: func(o *Options) { o.Labels = mode }}
			begin.more = []setup{{plant: nasty("c2", "Works"), burst: 300}, {plant: nasty("c1", "Works"), burst: 300}}
			runScenario(t, begin, func(s *scenario) {
				s.advance(2 * time.Minute)
				all := s.gather() // fails where two series are one
				for _, name := range []string{"innius_sensor_value", "innius_sensor_timestamp_seconds", "innius_sensor_info"} {
					if n := all.count(name); n != 2*8*9 {
						t.Errorf("%d series of %s, want one for each of 144 sensors", n, name)
					}
				}
				clashes := all[`innius_exporter_label_collisions{account="a1"}`]
				if mode == inventory.LabelID && clashes != 0 || mode == inventory.LabelName && clashes != 72 {
					t.Errorf("%v clashes", clashes)
				}
				s.checkValues()
			})
		})
	}
}
