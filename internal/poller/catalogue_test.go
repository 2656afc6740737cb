package poller

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"testing"

	"innius_exporter/innius"
)

// Names and ids that clash with each other, and with what is made of them.
var (
	nastyNames = []string{"X", "X (a)", "X (b)", "X (a) (b)", "", " ", "a", "X (c1)"}
	nastyIDs   = []string{"a", "b", "a) (b", "X", "c1"}
)

func TestEveryPlantHasUniqueLabelsAndOneOwnerForEachSensor(t *testing.T) {
	for seed := range uint64(200) {
		for _, mode := range []LabelMode{LabelName, LabelID} {
			r := rand.New(rand.NewPCG(seed, 1))
			opts := Options{Accounts: []Account{{Name: "a1"}, {Name: "a2"}, {Name: "a3"}}, Labels: mode}
			if seed%2 == 1 {
				opts.Machines.Exclude = []*regexp.Regexp{regexp.MustCompile(`^(?:b)$`)}
				opts.Sensors.Exclude = []*regexp.Regexp{regexp.MustCompile(`^(?:X)$`)}
			}
			c := newCatalogue(&opts)
			for step := range 60 {
				publishSomething(c, r)
				if problem := inconsistency(c); problem != "" {
					t.Fatalf("seed %d, mode %s, step %d: %s", seed, mode, step, problem)
				}
			}
		}
	}
}

// publishSomething changes one random list.
func publishSomething(c *catalogue, r *rand.Rand) {
	account := r.IntN(3)
	if r.IntN(3) == 0 {
		company := innius.Company{ID: oneOf(r, "c1", "c2"), Name: oneOf(r, "W", "V")}
		c.publishMachines(account, company, randomList(r, func(id, name string) innius.Machine { return innius.Machine{ID: id, Name: name} }), dawn)
		return
	}
	c.publishSensors(account, oneOf(r, nastyIDs...), randomList(r, func(id, name string) innius.Sensor {
		return innius.Sensor{ID: id, Name: name, Unit: "bar"}
	}), dawn)
}

func randomList[T any](r *rand.Rand, item func(id, name string) T) []T {
	var list []T
	for _, i := range r.Perm(len(nastyIDs))[:r.IntN(len(nastyIDs)+1)] {
		list = append(list, item(nastyIDs[i], oneOf(r, nastyNames...)))
	}
	return list
}

// inconsistency says what is wrong with a catalogue; empty where nothing is.
func inconsistency(c *catalogue) string {
	triples, pairs, owners, known := map[[3]string]bool{}, map[[2]string]bool{}, map[sensorKey]int{}, map[sensorKey]bool{}
	for _, machines := range c.view.Load().machines {
		for _, m := range machines {
			pair := [2]string{m.companyLabel, m.label}
			if exposed := m.filtered == "" && m.twinOf == ""; exposed && pairs[pair] {
				return fmt.Sprintf("two machines are %q", pair)
			} else if exposed {
				pairs[pair] = true
			}
			for _, s := range m.sensors {
				triple := [3]string{m.companyLabel, m.label, s.label}
				if s.polled() && triples[triple] {
					return fmt.Sprintf("two sensors are %q", triple)
				}
				triples[triple] = triples[triple] || s.polled()
				owners[s.ref()] += int(boolean(s.polled()))
				known[s.ref()] = true
				if c.cells[s.ref()] != s.entry {
					return fmt.Sprintf("the cell of %v is not the one that is kept", s.ref())
				}
			}
		}
	}
	return misowned(c, owners, known)
}

func misowned(c *catalogue, owners map[sensorKey]int, known map[sensorKey]bool) string {
	for ref, n := range owners {
		if filtered := c.opts.Sensors.reject("sensors", ref.Sensor, "") != ""; n > 1 || n == 0 && !filtered && len(c.opts.Sensors.Exclude) == 0 {
			return fmt.Sprintf("%v is asked for by %d accounts", ref, n)
		}
	}
	if len(c.cells) != len(known) {
		return fmt.Sprintf("%d cells for %d sensors", len(c.cells), len(known))
	}
	return ""
}
