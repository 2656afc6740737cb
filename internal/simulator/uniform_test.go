package simulator

import (
	"testing"
	"time"
)

func TestUniformHasTheGivenSize(t *testing.T) {
	for _, n := range []int{0, 1, 20, 21, 500} {
		p := Uniform(n)
		ids, paces := map[string]bool{}, map[time.Duration]bool{}
		everySensor(p, func(_ Machine, s Sensor) {
			ids[s.ID], paces[s.Period] = true, true
			if _, ok := lastNumber(s, demoStart); !ok {
				t.Errorf("%s has no fresh number", s.Name)
			}
		})
		if len(ids) != n || len(p.Company.Machines) != (n+19)/20 || n >= 20 && len(paces) != 5 {
			t.Errorf("Uniform(%d): %d sensors, %d machines, paces %v", n, len(ids), len(p.Company.Machines), paces)
		}
		for _, m := range p.Company.Machines {
			names := map[string]bool{}
			for _, s := range m.Sensors {
				names[s.Name] = true
			}
			if len(names) != len(m.Sensors) {
				t.Errorf("%s: names are not unique", m.Name)
			}
		}
	}
}
