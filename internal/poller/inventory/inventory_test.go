package inventory

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
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
	machines := map[MachineKey]bool{}
	triples, pairs, owners := map[[3]string]bool{}, map[[2]string]bool{}, map[SensorKey]int{}
	for _, a := range v.Snapshot().Accounts {
		for _, m := range a.Machines {
			machines[m.Key()] = true
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
	if len(v.labels) != len(machines) {
		return nil, fmt.Sprintf("%d machines have a label, %d exist", len(v.labels), len(machines))
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

// A new snapshot is sorted by the next scrape, and what refers to the texts of the old list, such as the schedule, would keep
// both in memory.
func TestUnchangedListsKeepTheSnapshot(t *testing.T) {
	v, company := New(Options{Accounts: []string{"a1"}}), innius.Company{ID: "c", Name: "C"}
	machines, sensors := []innius.Machine{{ID: "m1"}, {ID: "m2"}}, []innius.Sensor{{ID: "s1"}, {ID: "s2"}}
	v.SetMachines(0, company, machines, start)
	v.SetSensors(0, "m1", sensors, start)
	before, later := v.Snapshot(), start.Add(time.Hour)
	selected := v.SetMachines(0, company, slices.Clone(machines), later)
	v.SetSensors(0, "m1", slices.Clone(sensors), later)
	v.SetSensors(0, "m2", nil, later) // read first, and empty
	v.SetSensors(0, "m3", sensors, later)
	v.SetCompany(0, innius.Company{ID: "other"})
	v.Batch(func() {})
	if v.Snapshot() != before || &v.Sensors(0, "m1")[0] != &sensors[0] || len(selected) != 2 {
		t.Errorf("equal lists have replaced the snapshot or a list; selected: %q", selected)
	}
	a := v.Snapshot().Accounts[0]
	for _, at := range []*ListTime{a.ListedAt, a.Machines[0].ListedAt, a.Machines[1].ListedAt} {
		if !at.Load().Equal(later) {
			t.Errorf("listed at %v, want when the list was read last", at.Load())
		}
	}
	for name, change := range map[string]func(){
		"name of a machine": func() { v.SetMachines(0, company, []innius.Machine{{ID: "m1", Name: "new"}, {ID: "m2"}}, later) },
		"order of machines": func() { v.SetMachines(0, company, []innius.Machine{{ID: "m2"}, {ID: "m1", Name: "new"}}, later) },
		"name of the company": func() {
			v.SetMachines(0, innius.Company{ID: "c"}, []innius.Machine{{ID: "m2"}, {ID: "m1", Name: "new"}}, later)
		},
		"order of sensors": func() { v.SetSensors(0, "m1", []innius.Sensor{{ID: "s2"}, {ID: "s1"}}, later) },
	} {
		before := v.Snapshot()
		if change(); v.Snapshot() == before {
			t.Errorf("a new %s has not replaced the snapshot", name)
		}
	}
}

// Only what a change concerns is computed again. That must not show.
func TestChangesGiveTheSameInventoryAsAllListsAtOnce(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 2))
		opts := Options{Accounts: []string{"a1", "a2", "a3"}, Labels: LabelName}
		if seed%2 == 1 {
			opts.Machines.Exclude = []match.Pattern{match.MustCompile(`b`)}
		}
		v := New(opts)
		for step := range 40 {
			publishSomething(v, r)
			whole := New(opts)
			whole.Batch(func() { listAgain(whole, v) })
			if got, want := describe(v), describe(whole); got != want {
				t.Fatalf("seed %d, step %d: got\n%s\nwant\n%s", seed, step, got, want)
			}
		}
	}
}

// listAgain sets the lists that another inventory has.
func listAgain(v, from *Inventory) {
	for i, a := range from.Snapshot().Accounts {
		if a.Company != nil {
			v.SetMachines(i, *a.Company, a.List(), start)
		}
		for id := range from.accounts[i].sensors {
			v.SetSensors(i, id, from.Sensors(i, id), start)
		}
	}
}

// describe returns all that depends on more than one list.
func describe(v *Inventory) string {
	var text strings.Builder
	for i, a := range v.Snapshot().Accounts {
		for _, m := range a.Machines {
			fmt.Fprintf(&text, "%d %q: %q, %q, %t, %q, %q;", i, m.ID, m.CompanyLabel, m.Label, m.Collision, m.FilteredBy, m.ExposedBy)
			for _, s := range m.Sensors {
				fmt.Fprintf(&text, " %q %t %v", s.Label, s.Collision, s.Excluded)
			}
			for _, s := range m.AllPolled {
				fmt.Fprintf(&text, " %d/%s", s.Machine.Account, s.ID)
			}
			text.WriteString("\n")
		}
	}
	return text.String()
}

func TestBatchPublishesOnce(t *testing.T) {
	v, before := New(Options{Accounts: []string{"a1", "a2"}}), (*Snapshot)(nil)
	v.Batch(func() {
		before = v.Snapshot()
		for account := range 2 {
			v.SetMachines(account, innius.Company{ID: "c"}, []innius.Machine{{ID: "m"}}, start)
			v.SetSensors(account, "m", []innius.Sensor{{ID: "s"}}, start)
		}
		if v.Snapshot() != before {
			t.Error("published before the end")
		}
	})
	for account, exposedBy := range []string{"", "a1"} {
		if m := v.Snapshot().Accounts[account].Machines[0]; m.ExposedBy != exposedBy || len(m.AllPolled) != 1 {
			t.Errorf("account %d: exposed by %q, polled are %v", account, m.ExposedBy, m.AllPolled)
		}
		if changes := v.Changes(account); changes["m"] == nil {
			t.Errorf("account %d: changes %v", account, changes)
		}
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
