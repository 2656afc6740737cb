package app

import (
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/config"
	"innius_exporter/internal/match"
	"innius_exporter/internal/poller"
	"innius_exporter/internal/poller/ratelimit"
	"innius_exporter/internal/state"
)

// keptState is a Source of what an exporter might keep.
type keptState poller.State

func (k keptState) Save() poller.State       { return poller.State(k) }
func (k keptState) Changed() <-chan struct{} { return nil }

// keep writes state of one account with 40 sensors, and returns where.
func keep(t *testing.T) string {
	t.Helper()
	at := time.Date(2026, 11, 23, 17, 0, 0, 0, time.UTC)
	k := poller.Assume(poller.Account{Name: "first", Origin: "one.invalid"}, 40, time.Minute, at)
	k.Learned = ratelimit.New(ratelimit.Limit{PerHour: 950, Burst: 30}).Save()
	dir := filepath.Join(t.TempDir(), "state")
	store, _, err := state.Open(dir, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() }) // the lock is held meanwhile, as by an exporter that runs
	store.Run(keptState{At: at, Accounts: []poller.SavedAccount{k}}, time.Hour, func() {})
	return dir
}

func accountsOf(t *testing.T, hosts ...string) *config.Config {
	t.Helper()
	cfg := config.Default()
	for i, host := range hosts {
		one, err := config.Source{URL: "https://" + host}.LoadKeyless(os.Getenv)
		if err != nil {
			t.Fatal(err)
		}
		a := one.Accounts[0]
		a.Name = []string{"first", "second"}[i]
		cfg.Accounts = append(cfg.Accounts, a)
	}
	return cfg
}

func TestPlanNamesAccountsWithoutState(t *testing.T) {
	var out strings.Builder
	p := Planning{StoragePath: keep(t)}
	if _, err := p.write(accountsOf(t, "one.invalid", "two.invalid"), &out); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out.String(), `account "first": 40 sensors on 2 machines, as known at 2026-11-23T17:00:00Z`) ||
		!strings.HasSuffix(out.String(), " --sensors=N assumes a number.\n") ||
		!strings.Contains(out.String(), "\n\naccount \"second\": no sensor to plan for: none was known at ") {
		t.Error(out.String())
	}
}

func TestPlanRefusesTheStateOfOtherAccounts(t *testing.T) {
	p := Planning{StoragePath: keep(t)}
	_, err := p.write(accountsOf(t, "elsewhere.invalid"), &strings.Builder{})
	if err == nil || !strings.Contains(err.Error(), `is of other accounts ("first" of one.invalid)`) {
		t.Errorf("got %v", err)
	}
}

func TestPlanIgnoresTheLearnedLimitForAnotherRateLimit(t *testing.T) {
	dir := keep(t)
	for perHour, want := range map[float64]bool{950: true, 4750: false} {
		p := Planning{StoragePath: dir}
		if !want {
			p.RequestsPerHour = new(5000.0)
		}
		opts := p.options(accountsOf(t, "one.invalid"))
		if err := p.addSensors(&opts); err != nil || (opts.State.Accounts[0].Learned != nil) != want {
			t.Errorf("%g: %v, %v", perHour, err, opts.State.Accounts[0].Learned)
		}
		if got := opts.Accounts[0].Pacer.PerHour(); math.Abs(got-perHour) > 1e-6 {
			t.Errorf("planned with %g requests per hour, want %g", got, perHour)
		}
	}
}

func TestPlanAppliesTheRulesOfTheConfig(t *testing.T) {
	cfg := accountsOf(t, "one.invalid")
	cfg.Sensors = []config.SensorRule{{MaxAge: 10 * time.Minute, Weight: 1}}
	for p, want := range map[*Planning]string{
		{StoragePath: keep(t)}: "sensors[0], max_age 10m on 40 sensors",
		{Sensors: 40}:          "filters and rules are not applied",
	} {
		var out strings.Builder
		if _, err := p.write(cfg, &out); err != nil || !strings.Contains(strings.Join(strings.Fields(out.String()), " "), want) {
			t.Errorf("%v, no %q in\n%s", err, want, out.String())
		}
		if strings.Contains(out.String(), "\n  max-age targets\n") != (p.Sensors == 0) {
			t.Errorf("%d sensors assumed, and their rules:\n%s", p.Sensors, out.String())
		}
	}
}

func TestDemoPlanNeedsTheStateOfTheDemo(t *testing.T) {
	cfg, err := (&Planning{Demo: true}).config(config.Source{})
	if err != nil {
		t.Fatal(err)
	}
	p := Planning{Demo: true, StoragePath: keep(t)}
	if opts := p.options(cfg); opts.Accounts[0].Origin != "demo" || opts.Accounts[0].Name != "demo" {
		t.Errorf("%+v", opts.Accounts)
	}
	if _, err := p.write(cfg, &strings.Builder{}); err == nil || !strings.Contains(err.Error(), "of other accounts") {
		t.Errorf("got %v", err)
	}
	if _, err := p.config(config.Source{File: "x"}); err == nil {
		t.Error("a demo with a config")
	}
	if key, _ := cfg.Accounts[0].Key.Key(); key != (innius.Secret{}) {
		t.Error("it has a key")
	}
}

func TestPlanFailsIfEverySensorIsExcluded(t *testing.T) {
	cfg := accountsOf(t, "one.invalid")
	cfg.Discovery.Machines.Exclude = []match.Pattern{match.MustCompile(".*")}
	_, err := (&Planning{StoragePath: keep(t)}).write(cfg, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "2 machines as a whole") {
		t.Errorf("got %v", err)
	}
}

func TestPlanNamesRulesThatMatchNoSensor(t *testing.T) {
	cfg := accountsOf(t, "one.invalid")
	cfg.Sensors = []config.SensorRule{{Weight: 2, Sensor: match.MustCompile("Heat")}}
	dir, at := t.TempDir(), time.Date(2026, 11, 23, 17, 0, 0, 0, time.UTC)
	store, _, err := state.Open(dir, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	k := poller.Assume(poller.Account{Name: "first", Origin: "one.invalid"}, 40, time.Minute, at)
	k.Discovered = true
	store.Run(keptState{At: at, Accounts: []poller.SavedAccount{k, {Name: "second", Origin: "one.invalid"}}}, time.Hour, func() {})
	_ = store.Close()
	var out strings.Builder
	if _, err := (&Planning{StoragePath: dir}).write(cfg, &out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "sensors[0] matches no sensor") {
		t.Error(out.String())
	}
}
