package collector

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/match"
	"innius_exporter/internal/poller"
	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/poller/reading"
	"innius_exporter/internal/poller/schedule"
)

// inventories is how many random inventories are compared.
const inventories = 300

func TestWriteTextEqualsRegistryForRandomInventories(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	synctest.Test(t, func(t *testing.T) {
		seen := map[string]int{}
		rules := []inventory.Rule{{Machine: match.MustCompile("m[1-9]"), States: []string{"RUN", `"q"`, "line\nfeed", "a"}}}
		for seed := range uint64(inventories) {
			random := rand.New(rand.NewPCG(seed, 1))
			p := restoredWith(rules, randomAccounts(random)...)
			c := New(func() *poller.Poller { return p })
			got := written(t, c)
			if checkEqual(t, got, exposition(t, c)); t.Failed() {
				t.Fatalf("seed %d", seed)
			}
			for _, account := range []string{"a1", "a2 \"x\""} { // which may list the same machines
				if extra := missing(written(t, c, account), got); len(extra) > 0 {
					t.Fatalf("seed %d, only in the scrape of one account:\n%s", seed, head(extra))
				}
			}
			for _, kind := range kinds {
				if strings.Contains(got, kind) {
					seen[kind]++
				}
			}
		}
		for _, kind := range kinds {
			if seen[kind] < inventories/20 {
				t.Errorf("%q in %d of %d expositions: the test hardly covers it", kind, seen[kind], inventories)
			}
		}
		t.Log(seen)
	})
}

// kinds are what the random expositions must hold often.
var kinds = []string{
	`\\`, `\"`, `\n`, "ü", "\uFFFD", "~", " (m", " (s", "} +Inf\n", "} -Inf\n", "} 0\n", "e-", "e+",
	`,state="RUN"} 1`, `,state="RUN"} 0`, `,state="other"} 1`, `,state="\"q\""} 0`, `,state="line\nfeed"} 0`, `,state="unknown"} 0`,
	`status="stale"`, `status="current"`, `status="failing"`, `status="silent"`, `status="pending"`,
	`account="a1"`, `account="a2 \"x\""`, `_bucket{account="a1",le="+Inf"} 2`, "} 1.234567e+06\n", "} 1.23456789012345e+09\n",
}

// randomAccounts are two accounts, often of companies with the same name or id.
func randomAccounts(random *rand.Rand) []poller.SavedAccount {
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	name := func() string {
		return pick("", "A", "a", "A b", "ü°C", "\xff", "\\", `"q"`, "line\nfeed", "a,b=\"c\"}", strings.Repeat("ü", 100), "A (m1)", "z")
	}
	value := func() float64 {
		special := []float64{0, math.Copysign(0, -1), 1, -1, math.NaN(), math.Inf(1), math.Inf(-1), 1e-7, 123456789.5, 1e21, 1234567, 1234567890.12345}
		return special[random.IntN(len(special))]
	}
	before := func() time.Time { return time.Now().Add(-time.Duration(random.IntN(100_000)) * time.Second / 2) }
	sensor := func(i int) poller.SavedSensor {
		s := poller.SavedSensor{Sensor: innius.Sensor{ID: fmt.Sprint("s", i), Name: name(), Unit: name()}}
		if random.IntN(5) > 0 {
			at := before()
			s.Saved = reading.Saved{Time: at, Value: value(), LastSuccess: at, Silent: random.IntN(3) == 0}
			s.States = &reading.States{Newest: pick("RUN", `"q"`, "IDLE", ""), Known: random.IntN(4) > 0}
		}
		if random.IntN(4) == 0 {
			s.Rare = &reading.Rare{Failure: "status 500", Failures: random.IntN(4), FailingSince: before()}
		}
		if random.IntN(2) == 0 {
			s.Interval = schedule.Regular(time.Duration(1+random.IntN(1000))*time.Second, time.Now())
		}
		return s
	}
	var accounts []poller.SavedAccount
	for i := range 2 {
		id := pick("c1", "c2")
		a := poller.SavedAccount{
			Name: []string{"a2 \"x\"", "a1"}[i], Company: innius.Company{ID: id, Name: pick("Works", "Works", id, name())},
			ListedAt: time.Now(), Discovered: true,
		}
		for j := range random.IntN(5) {
			m := poller.SavedMachine{Machine: innius.Machine{ID: fmt.Sprint("m", j), Name: name()}, ListedAt: time.Now()}
			for k := range random.IntN(6) {
				m.Sensors = append(m.Sensors, sensor(k))
			}
			a.Machines = append(a.Machines, m)
		}
		accounts = append(accounts, a)
	}
	return accounts
}

// restored returns a poller that is not running, with these accounts, which have made two requests each.
func restored(accounts ...poller.SavedAccount) *poller.Poller { return restoredWith(nil, accounts...) }

func restoredWith(rules []inventory.Rule, accounts ...poller.SavedAccount) *poller.Poller {
	opts := poller.Options{
		Counters: &poller.Counters{}, Logger: slog.New(slog.DiscardHandler), Rules: rules,
		State: &poller.State{At: time.Now(), Accounts: accounts},
	}
	for _, a := range accounts {
		opts.Accounts = append(opts.Accounts, poller.Account{Name: a.Name, Pacer: innius.NewPacer(1000, 30)})
		for _, d := range []time.Duration{70 * time.Millisecond, time.Minute} {
			opts.Counters.Of(a.Name).Observe(innius.Attempt{Operation: innius.OpValues, Status: http.StatusTeapot, Duration: d})
		}
	}
	return poller.New(opts)
}

// stored returns a poller that is not running, with so many sensors, twenty a machine, that each hold a reading.
func stored(accounts, sensors int) *poller.Poller {
	now := time.Now()
	var all []poller.SavedAccount
	for a := range accounts {
		account := poller.SavedAccount{
			Name: fmt.Sprint("a", a), Company: innius.Company{ID: fmt.Sprint("works", a), Name: fmt.Sprint("Works ", a)}, ListedAt: now, Discovered: true,
		}
		for i := range sensors / accounts / 20 {
			m := poller.SavedMachine{Machine: innius.Machine{ID: fmt.Sprint("m", i), Name: fmt.Sprint("Machine ", i)}, ListedAt: now}
			for j := range 20 {
				m.Sensors = append(m.Sensors, poller.SavedSensor{
					Sensor: innius.Sensor{ID: fmt.Sprint("s", j), Name: fmt.Sprint("Sensor ", j), Unit: "bar"},
					Saved:  reading.Saved{Time: now, Value: float64(j), LastSuccess: now, Interval: schedule.Regular(10*time.Second, now)},
				})
			}
			account.Machines = append(account.Machines, m)
		}
		all = append(all, account)
	}
	return restored(all...)
}

// A scrape that takes long shows no sensor as it never was: value, time and status come from one poll.
func TestSlowScrapeShowsEachSensorAtOneMoment(t *testing.T) {
	p := stored(1, 4000)
	c := New(func() *poller.Poller { return p })
	sensors := slices.Concat(func() (lists [][]*reading.Entry) {
		for _, m := range p.View(time.Now()).Inventory.Accounts[0].Machines {
			var entries []*reading.Entry
			for _, s := range m.Polled {
				entries = append(entries, s.Entry)
			}
			lists = append(lists, entries)
		}
		return lists
	}()...)
	begin, polls := time.Now().Truncate(time.Second).Add(-time.Minute), 0
	poll := func() { // makes value and time equal, and every second reading that of a silent sensor
		polls++
		at := begin.Add(time.Duration(polls) * time.Second)
		for _, s := range sensors {
			s.Change(func(r *reading.Record) {
				r.Time, r.Value, r.LastSuccess, r.Silent = at, float64(at.Unix()), at, polls%2 == 0
			})
		}
	}
	poll()
	before := written(t, c)
	out := &slowWriter{between: poll}
	if err := c.WriteText(out, nil, nil); err != nil {
		t.Error(err)
	}
	checkEqual(t, ofSensors(out.String()), ofSensors(before))
	if polls < 10 {
		t.Errorf("%d polls during the scrape: it was not slow", polls)
	}
	if after := ofSensors(written(t, c)); after == ofSensors(before) || strings.Count(after, `status="silent"`) != 4000*(1-polls%2) {
		t.Error("the polls changed nothing")
	}
}

// ofSensors returns the lines about sensors.
func ofSensors(exposition string) string {
	return strings.Join(slices.DeleteFunc(strings.SplitAfter(exposition, "\n"), func(line string) bool {
		return !strings.HasPrefix(line, "innius_sensor_")
	}), "")
}

// slowWriter calls a function at each write.
type slowWriter struct {
	strings.Builder
	between func()
}

func (w *slowWriter) Write(p []byte) (int, error) {
	w.between()
	return w.Builder.Write(p)
}

func TestWriteTextTakesLittleMemory(t *testing.T) {
	for _, size := range []struct{ accounts, sensors int }{{1, 1000}, {1, 50_000}, {500, 10_000}} {
		p := stored(size.accounts, size.sensors)
		c := New(func() *poller.Poller { return p })
		write := func() {
			if err := c.WriteText(io.Discard, nil, nil); err != nil {
				t.Error(err)
			}
		}
		write() // computes the order
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		write()
		runtime.ReadMemStats(&after)
		took, most := after.TotalAlloc-before.TotalAlloc, uint64(1<<20+8*size.sensors)
		if size.accounts > 1 {
			most += uint64(4000 * size.accounts)
		}
		t.Logf("%+v: %d bytes", size, took)
		if took > most {
			t.Errorf("%+v: a scrape allocates %d bytes, at most %d are permitted", size, took, most)
		}
	}
}

func TestWriteTextSelectsAccountsAndFamilies(t *testing.T) {
	p := stored(3, 120)
	c := New(func() *poller.Poller { return p })
	all := written(t, c)
	for _, account := range []string{"a0", "a2"} {
		one := written(t, c, account)
		company := `company="Works ` + account[1:] + `"`
		for line := range strings.Lines(all) {
			if wanted := strings.Contains(line, `account="`+account+`"`) || strings.Contains(line, company); strings.HasPrefix(line, "innius_") &&
				wanted != strings.Contains(one, line) {
				t.Fatalf("account %s, %s is there: %v", account, line, !wanted)
			}
		}
	}
	if both := written(t, c, "a2", "a0", "a2"); len(both) <= len(written(t, c, "a0")) || strings.Contains(both, `account="a1"`) {
		t.Error("two accounts are not the series of both")
	}
	var out strings.Builder
	if err := c.WriteText(&out, []string{"a1"}, []string{"innius_up", "innius_machine_info", "unknown"}); err != nil ||
		strings.Count(out.String(), "# TYPE") != 1 || strings.Count(out.String(), "\ninnius_machine_info{") != 2 {
		t.Errorf("two families: %v\n%s", err, out.String())
	}
}

func TestWriteTextRefusesUnknownAccountBeforeItWrites(t *testing.T) {
	p := stored(1, 20)
	var out strings.Builder
	err := New(func() *poller.Poller { return p }).WriteText(&out, []string{"a0", "b"}, nil)
	if unknown := UnknownAccountError(""); !errors.As(err, &unknown) || unknown != "b" || out.Len() > 0 {
		t.Errorf("%v, %d bytes", err, out.Len())
	}
}

func TestWriteTextReturnsErrorOfWriter(t *testing.T) {
	p := stored(1, 4000)
	w := &brokenWriter{}
	if err := New(func() *poller.Poller { return p }).WriteText(w, nil, nil); !errors.Is(err, io.ErrClosedPipe) || w.writes != 1 {
		t.Errorf("%v after %d writes", err, w.writes)
	}
}

type brokenWriter struct{ writes int }

func (w *brokenWriter) Write([]byte) (int, error) {
	w.writes++
	return 0, io.ErrClosedPipe
}

// The labels of sensors were looked through for the order; those of the families after them were not.
func TestLabelsAfterThoseOfSensorsAreEscaped(t *testing.T) {
	p := stored(1, 20)
	c := New(func() *poller.Poller { return p })
	s, err := c.scrape(nil)
	if err != nil || !s.plain {
		t.Fatal(err, "some label of a sensor needs an escape")
	}
	var text strings.Builder
	out := &output{w: &text, family: c.families[0]}
	s.eachSensor(out, func(*sensor) {})
	out.add(1, `"q"`)
	out.flush()
	if !strings.Contains(text.String(), `="\"q\""}`) {
		t.Error(text.String())
	}
}

func TestOrderFollowsInventory(t *testing.T) {
	p := stored(2, 80)
	c := New(func() *poller.Poller { return p })
	order := func(names ...string) *order { return c.orders.of(p.View(time.Now(), names...), names) }
	first, one := order(), order("a1")
	if order() != first || one == first || order("a1") != one {
		t.Error("an order is not computed once, or not per account")
	}
	p = stored(2, 40)
	if next := order(); next == first || len(next.sensors) != 40 {
		t.Errorf("%d sensors in the order of the next inventory", len(next.sensors))
	}
}
