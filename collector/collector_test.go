package collector

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"

	"innius_exporter/innius"
	"innius_exporter/internal/match"
	"innius_exporter/internal/poller"
	"innius_exporter/internal/poller/inventory"
	"innius_exporter/internal/simulator"
)

var update = flag.Bool("update", false, "write the golden files again")

// start is when every synctest bubble begins.
var start = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// plant is an account over a simulated API.
type plant struct {
	simulator.Plant
	limits      simulator.Limits
	perHour     float64
	concurrency int
	pageSize    int
}

// run polls plants, as accounts a1, a2 ..., in virtual time.
func run(t *testing.T, change func(*poller.Options), plants []plant,
	test func(t *testing.T, c *Collector, apis []*simulator.Server),
) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		opts := poller.Options{Counters: &poller.Counters{}, Logger: slog.New(slog.DiscardHandler)}
		var apis []*simulator.Server
		for i, one := range plants {
			account, api, closeAll := newAccount(t, fmt.Sprintf("a%d", i+1), one, opts.Counters)
			defer closeAll()
			opts.Accounts, apis = append(opts.Accounts, account), append(apis, api)
		}
		if change != nil {
			change(&opts)
		}
		p := poller.New(opts)
		ctx, cancel := context.WithCancel(t.Context())
		var polling sync.WaitGroup
		polling.Go(func() { p.Run(ctx) })
		defer polling.Wait()
		defer cancel()
		test(t, New(func() *poller.Poller { return p }), apis)
	})
}

func newAccount(t *testing.T, name string, one plant, counters *poller.Counters) (poller.Account, *simulator.Server, func()) {
	api := simulator.New(one.Plant, simulator.Options{Key: "key", Limits: one.limits})
	client, closeAll := simulator.Pipe(api)
	pacer := innius.NewPacer(one.perHour, cmp.Or(one.limits.Burst, 30))
	made, err := innius.New(innius.Options{
		BaseURL: &url.URL{Scheme: "http", Host: "api.example"}, AllowHTTP: true, Pacer: pacer, HTTPClient: client,
		Key:     func() (innius.Secret, error) { return innius.NewSecret("key"), nil },
		Observe: counters.Of(name).Observe, PageSize: one.pageSize, UserAgent: "test",
	})
	if err != nil {
		t.Fatal(err)
	}
	return poller.Account{Name: name, Client: made, Pacer: pacer, Concurrency: one.concurrency}, api, closeAll
}

func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// works is a plant of machines m1, m2 ... ("Machine 1" ...), each with sensors m1-s1 ... ("Sensor 1" ...).
func works(machines, sensors int) plant {
	p := simulator.Plant{Company: simulator.Company{ID: "works.example", Name: "Works"}}
	for i := range machines {
		p.Company.Machines = append(p.Company.Machines, newMachine(i+1, sensors))
	}
	return plant{Plant: p, perHour: 3000, concurrency: 4, pageSize: 5}
}

func newMachine(number, sensors int) simulator.Machine {
	m := simulator.Machine{ID: fmt.Sprintf("m%d", number), Name: fmt.Sprintf("Machine %d", number)}
	for i := range sensors {
		m.Sensors = append(m.Sensors, simulator.Sensor{
			ID: fmt.Sprintf("%s-s%d", m.ID, i+1), Name: fmt.Sprintf("Sensor %d", i+1), Unit: "bar", Period: 10 * time.Second,
		})
	}
	return m
}

// demo is the plant of --demo. With more than one request at a time, chance would decide which sensor comes first.
func demo() plant {
	limits := simulator.DemoLimits()
	perHour := 0.95 * float64(limits.PerHour)
	return plant{Plant: simulator.Demo(start), limits: limits, perHour: perHour, concurrency: 1, pageSize: 100}
}

// withRules sets rules of a config.
func withRules(o *poller.Options) {
	o.Rules = []inventory.Rule{
		{Sensor: match.MustCompile("Wind speed|Nacelle vibration"), Extremes: true},
		{Sensor: match.MustCompile("State"), States: []string{"RUN", "STOP", "FAULT"}},
	}
}

// exposition returns the text format of a registry's view of the collector.
func exposition(t *testing.T, c *Collector) string {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(c)
	families, err := registry.Gather()
	if err != nil {
		t.Error(err)
	}
	var out bytes.Buffer
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&out, f); err != nil {
			t.Error(err)
		}
	}
	return out.String()
}

func written(t testing.TB, c *Collector, accounts ...string) string {
	t.Helper()
	var out strings.Builder
	if err := c.WriteText(&out, accounts, nil); err != nil {
		t.Error(err)
	}
	return out.String()
}

// checkEqual reports the first lines that differ.
func checkEqual(t *testing.T, got, want string) {
	t.Helper()
	extra, lost := missing(got, want), missing(want, got)
	if len(extra)+len(lost) > 0 {
		t.Errorf("%d lines only in the result:\n%s\n%d lines missing in it:\n%s", len(extra), head(extra), len(lost), head(lost))
	} else if got != want {
		t.Error("the lines have another order")
	}
}

func head(lines []string) string { return strings.Join(lines[:min(10, len(lines))], "\n") }

// missing returns the lines of a that b does not have.
func missing(a, b string) (lines []string) {
	has := map[string]bool{}
	for line := range strings.SplitSeq(b, "\n") {
		has[line] = true
	}
	for line := range strings.SplitSeq(a, "\n") {
		if !has[line] {
			lines = append(lines, line)
		}
	}
	return lines
}

func TestCollectorExposesDemo(t *testing.T) {
	run(t, withRules, []plant{demo()}, func(t *testing.T, c *Collector, _ []*simulator.Server) {
		pass(10 * time.Minute)
		got, path := exposition(t, c), filepath.Join("testdata", "demo.prom")
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Error(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
		}
		if checkEqual(t, got, string(want)); t.Failed() {
			t.Log("write the file again with: go test ./collector -run Demo -update")
		}
	})
}

func TestExporterHasAtMostSixtySeriesOfItsOwnPerAccount(t *testing.T) {
	run(t, nil, []plant{demo()}, func(t *testing.T, c *Collector, _ []*simulator.Server) {
		pass(time.Hour)
		n := 0
		for line := range strings.SplitSeq(exposition(t, c), "\n") {
			if strings.Contains(line, `account="a1"`) {
				n++
			}
		}
		if n > 60 {
			t.Errorf("%d series with label account after an hour of the demo, want at most 60", n)
		}
	})
}

func TestMetricsPassPromlint(t *testing.T) {
	run(t, nil, []plant{works(2, 2)}, func(t *testing.T, c *Collector, _ []*simulator.Server) {
		pass(time.Minute)
		all := written(t, c)
		problems, err := promlint.New(strings.NewReader(all)).Lint()
		if err != nil || len(problems) > 0 {
			t.Error(err, problems)
		}
		if ours, families := strings.Count(all, "# HELP innius_"), strings.Count(all, "# HELP "); ours != families || ours < 20 {
			t.Errorf("%d of %d families are ours", ours, families)
		}
	})
}

func TestScrapeSendsNoRequest(t *testing.T) {
	slow := works(3, 3)
	slow.perHour = 60
	run(t, nil, []plant{slow}, func(t *testing.T, c *Collector, apis []*simulator.Server) {
		pass(time.Second)
		sent := apis[0].Stats().Requests
		for range 100 {
			written(t, c)
		}
		if n := apis[0].Stats().Requests; n != sent {
			t.Errorf("100 scrapes sent %d requests", n-sent)
		}
	})
}
