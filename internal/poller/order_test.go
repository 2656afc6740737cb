package poller

import (
	"math/rand/v2"
	"regexp"
	"runtime"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"innius_exporter/innius"
)

// A registry would refuse two series of one name and labels. Whatever is published, in whatever order, there are none.
func TestNoTwoSeriesAreEqualAndAllAreInOrder(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 7))
		opts := Options{Accounts: []Account{{Name: "a1"}, {Name: "a2"}, {Name: "a3"}}}
		if seed%2 == 1 {
			opts.Machines.Exclude = []*regexp.Regexp{regexp.MustCompile(`^(?:b)$`)}
			opts.Sensors.Exclude = []*regexp.Regexp{regexp.MustCompile(`^(?:X)$`)}
		}
		c := newCatalogue(&opts)
		for range 60 {
			publishSomething(c, r)
			checkOrder(t, c.view.Load())
		}
	}
}

func checkOrder(t *testing.T, v *view) {
	t.Helper()
	o, found := v.ordered(), 0
	ascending := func() func(next []*dto.LabelPair) {
		var last []*dto.LabelPair
		return func(next []*dto.LabelPair) {
			if last != nil && byValues(last, next) >= 0 {
				t.Fatalf("%v and then %v", last, next)
			}
			last, found = next, found+1
		}
	}
	for groups, labels := range map[*[][]*sensor]func(*sensor) []*dto.LabelPair{
		&o.gauges: func(s *sensor) []*dto.LabelPair { return s.pairs.gauges[:] },
		&o.info:   func(s *sensor) []*dto.LabelPair { return s.pairs.info[:] },
	} {
		check := ascending()
		for _, group := range *groups {
			for _, s := range group {
				check(labels(s))
			}
		}
	}
	if found != 2*o.sensors {
		t.Fatalf("%d series of %d sensors", found, o.sensors)
	}
	check := ascending()
	for _, m := range o.machines {
		check(m.pairs[:])
	}
}

func TestAMachineThatIsRenamedIntoAFilterIsAskedForNoMore(t *testing.T) {
	opts := Options{Accounts: []Account{{Name: "a1"}}}
	opts.Machines.Exclude = []*regexp.Regexp{regexp.MustCompile("^(?:secret)$")}
	c, company := newCatalogue(&opts), innius.Company{ID: "c", Name: "c"}
	c.publishMachines(0, company, []innius.Machine{{ID: "m", Name: "open"}}, dawn)
	c.publishSensors(0, "m", []innius.Sensor{{ID: "s", Name: "s"}}, dawn)
	c.publishMachines(0, company, []innius.Machine{{ID: "m", Name: "secret"}}, dawn)
	if m := c.view.Load().machines[0][0]; m.filtered == "" || len(m.polled) != 0 {
		t.Errorf("filtered %q, and %d sensors are asked for", m.filtered, len(m.polled))
	}
}

// On one processor a pool gives the same memory back for ever.
func TestScrapesKeepNothingOfMachinesThatAreGone(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	p := Loaded(t, 2000, 1)
	c := NewCollector(func() *Poller { return p })
	scrape := func() { _, done, _ := c.Gather(); done() }
	scrape()
	gone := make(chan bool, 100)
	func() {
		v := p.catalogue.view.Load()
		for _, m := range v.machines[0][12:] {
			runtime.AddCleanup(m, func(int) { gone <- true }, 0)
		}
		p.catalogue.publishMachines(0, *v.companies[0], machinesOf(v.machines[0])[:12], time.Now())
	}()
	p.accounts[0].applyInventoryChanges()
	for range 100 {
		scrape()
		runtime.GC()
		if len(gone) == 8 {
			break
		}
		time.Sleep(time.Millisecond) // cleanups run beside
	}
	if len(gone) != 8 {
		t.Errorf("%d of 8 machines that are gone were freed", len(gone))
	}
	runtime.KeepAlive(c)
}
