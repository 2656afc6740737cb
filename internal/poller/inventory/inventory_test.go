package inventory

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/match"
	"innius_exporter/internal/poller/reading"
)

var start = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// Names and ids that collide with each other, and with what is made of them.
var (
	nastyNames = []string{"X", "X (a)", "X (b)", "X (a) (b)", "", " ", "a", "X (c1)"}
	nastyIDs   = []string{"a", "b", "a) (b", "X", "c1"}
)

func TestInventoryHasUniqueLabelsAndOneOwnerPerSensor(t *testing.T) {
	for seed := range uint64(200) {
		for _, mode := range []LabelMode{LabelName, LabelID} {
			r := rand.New(rand.NewPCG(seed, 1))
			opts := Options{Accounts: []string{"a1", "a2", "a3"}, Labels: mode}
			if seed%2 == 1 {
				opts.Machines.Exclude = []match.Pattern{match.MustCompile(`b`)}
				opts.Sensors.Exclude = []match.Pattern{match.MustCompile(`X`)}
			}
			v, held := New(opts), map[SensorKey]*reading.Entry{}
			for step := range 60 {
				publishSomething(v, r)
				var problem string
				if held, problem = check(v, held); problem != "" {
					t.Fatalf("seed %d, mode %s, step %d: %s", seed, mode, step, problem)
				}
			}
		}
	}
}

// publishSomething changes one random list.
func publishSomething(v *Inventory, r *rand.Rand) {
	account := r.IntN(3)
	if r.IntN(3) == 0 {
		company := innius.Company{ID: oneOf(r, "c1", "c2"), Name: oneOf(r, "W", "V")}
		v.SetMachines(account, company, randomList(r, func(id, name string) innius.Machine {
			return innius.Machine{ID: id, Name: name}
		}), start)
		return
	}
	v.SetSensors(account, oneOf(r, nastyIDs...), randomList(r, func(id, name string) innius.Sensor {
		return innius.Sensor{ID: id, Name: name, Unit: "bar"}
	}), start)
}

func randomList[T any](r *rand.Rand, item func(id, name string) T) []T {
	var list []T
	for _, i := range r.Perm(len(nastyIDs))[:r.IntN(len(nastyIDs)+1)] {
		list = append(list, item(nastyIDs[i], oneOf(r, nastyNames...)))
	}
	return list
}

// check returns the cache entries of an inventory, and what is wrong with it; empty if nothing is. before are the entries that it
// had before the latest change.
func check(v *Inventory, before map[SensorKey]*reading.Entry) (held map[SensorKey]*reading.Entry, problem string) {
	held = map[SensorKey]*reading.Entry{}
	triples, pairs, owners := map[[3]string]bool{}, map[[2]string]bool{}, map[SensorKey]int{}
	for _, a := range v.Snapshot().Accounts {
		for _, m := range a.Machines {
			pair := [2]string{m.CompanyLabel, m.Label}
			if exposed := m.FilteredBy == "" && m.ExposedBy == ""; exposed && pairs[pair] {
				return nil, fmt.Sprintf("two machines are %q", pair)
			} else if exposed {
				pairs[pair] = true
			}
			for _, s := range m.Sensors {
				triple := [3]string{m.CompanyLabel, m.Label, s.Label}
				if s.Polled() {
					if triples[triple] {
						return nil, fmt.Sprintf("two sensors are %q", triple)
					}
					triples[triple] = true
					owners[s.Key()]++
				}
				if cmp.Or(held[s.Key()], before[s.Key()], s.Entry) != s.Entry {
					return nil, fmt.Sprintf("%v has another cache entry than before, or than in another account", s.Key())
				}
				held[s.Key()] = s.Entry
			}
		}
	}
	for key := range held {
		if n := owners[key]; n > 1 || n == 0 && len(v.opts.Sensors.Exclude) == 0 {
			return nil, fmt.Sprintf("%v is polled by %d accounts", key, n)
		}
	}
	return held, ""
}

func TestMachineRenamedIntoFilterIsNotPolled(t *testing.T) {
	opts := Options{Accounts: []string{"a1"}, Machines: match.Filter{Exclude: []match.Pattern{match.MustCompile("secret")}}}
	v, company := New(opts), innius.Company{ID: "c", Name: "c"}
	v.SetMachines(0, company, []innius.Machine{{ID: "m", Name: "open"}}, start)
	v.SetSensors(0, "m", []innius.Sensor{{ID: "s", Name: "s"}}, start)
	v.SetMachines(0, company, []innius.Machine{{ID: "m", Name: "secret"}}, start)
	if m := v.Snapshot().Accounts[0].Machines[0]; m.FilteredBy == "" || len(m.Polled) != 0 {
		t.Errorf("filtered by %q, %d sensors are polled", m.FilteredBy, len(m.Polled))
	}
}

func TestChangesReturnsEachChangeOnce(t *testing.T) {
	v, company := New(Options{Accounts: []string{"a1", "a2"}}), innius.Company{ID: "c"}
	v.SetMachines(0, company, []innius.Machine{{ID: "m1"}, {ID: "m2"}}, start)
	v.SetMachines(1, company, []innius.Machine{{ID: "m1"}}, start)
	for account, want := range []int{2, 1} {
		if got, again := v.Changes(account), v.Changes(account); len(got) != want || again != nil {
			t.Errorf("account %d: %v, then %v", account, got, again)
		}
	}
	v.SetSensors(1, "m1", []innius.Sensor{{ID: "s"}}, start) // the other account lists the machine, too
	v.SetMachines(0, company, []innius.Machine{{ID: "m1"}}, start)
	if got := v.Changes(0); got["m1"] == nil || len(got) != 2 || got["m2"] != nil {
		t.Errorf("changes %v, want m1 and that m2 is gone", got)
	}
}

// What refers to its texts, such as the schedule, would keep both in memory.
func TestUnchangedListIsKept(t *testing.T) {
	v := New(Options{Accounts: []string{"a1"}})
	v.SetMachines(0, innius.Company{ID: "c"}, []innius.Machine{{ID: "m"}}, start)
	list := []innius.Sensor{{ID: "s1"}, {ID: "s2"}}
	v.SetSensors(0, "m", list, start)
	v.SetSensors(0, "m", slices.Clone(list), start.Add(time.Hour))
	if kept := v.Sensors(0, "m"); &kept[0] != &list[0] {
		t.Error("an equal list has replaced it")
	}
	if at := v.Snapshot().Accounts[0].Machines[0].ListedAt; !at.Equal(start.Add(time.Hour)) {
		t.Errorf("listed at %v, want when it was read last", at)
	}
}

func TestRestoredReadingsComeBackWithMachines(t *testing.T) {
	v, company := New(Options{Accounts: []string{"a1"}}), innius.Company{ID: "c"}
	saved := []SavedSensor{{Sensor: innius.Sensor{ID: "s"}, Saved: reading.Saved{Time: start, Value: 7, LastSuccess: start}}}
	v.Restore(0, "c", innius.Machine{ID: "m"}, saved, start)
	v.SetMachines(0, company, []innius.Machine{{ID: "m"}}, start)
	if got := v.Snapshot().Accounts[0].Machines[0].Save(); !reflect.DeepEqual(got, saved) {
		t.Errorf("got %+v, want %+v", got, saved)
	}
	if len(v.pending) > 0 {
		t.Errorf("%d cache entries are still pending", len(v.pending))
	}
}
