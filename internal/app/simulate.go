package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/config"
	"innius_exporter/internal/simulator"
)

// demoConfig starts a simulated API inside this process and returns the config of its one account.
func (e *Exporter) demoConfig(ctx context.Context, logger *slog.Logger) (*config.Config, func(), error) {
	if e.Source != (config.Source{}) {
		return nil, nil, errDemoConfig
	}
	key, limits := rand.Text(), simulator.DemoLimits()
	api, err := startSimulated(ctx, "127.0.0.1:0", simulator.Demo(time.Now()), key, limits, logger)
	if err != nil {
		return nil, nil, err
	}
	return demoConfigOf(api.url, innius.NewSecret(key)), api.stop, nil
}

var errDemoConfig = errors.New("--demo needs no config: leave out --config.file, --innius.url (INNIUS_URL) and --innius.api-key-file")

// demoConfigOf is the config of the demo at an address.
func demoConfigOf(address *url.URL, key innius.Secret) *config.Config {
	a, limits := config.DefaultAccount(), simulator.DemoLimits()
	a.Name, a.URL, a.Key = "demo", address, config.FixedKey(key)
	a.RateLimit.RequestsPerHour, a.RateLimit.Burst = float64(limits.PerHour), limits.Burst
	cfg := config.Default()
	cfg.Accounts = []config.Account{a}
	return cfg
}

// Simulation holds the flags of simulate.
type Simulation struct {
	Address         string
	Key             string
	Sensors         int // 0: the demo plant
	RequestsPerHour int
	Burst           int
}

// Run serves a simulated API until ctx ends, and logs its counters at the end.
func (s *Simulation) Run(ctx context.Context, logger *slog.Logger) error {
	if s.Key == "" {
		return errors.New("--api-key must not be empty")
	}
	if s.Sensors < 0 || s.Sensors > maxSensors || s.RequestsPerHour < 1 || s.Burst < 1 {
		return fmt.Errorf("--sensors must be at least 0 and at most %d, --requests-per-hour and --burst at least 1", maxSensors)
	}
	plant := simulator.Demo(time.Now())
	if s.Sensors > 0 {
		plant = simulator.Uniform(s.Sensors)
	}
	limits := simulator.Limits{PerHour: s.RequestsPerHour, Burst: s.Burst}
	api, err := startSimulated(ctx, s.Address, plant, s.Key, limits, logger)
	if err != nil {
		return err
	}
	logger.Info("simulated innius API; to poll it: INNIUS_URL="+api.url.String()+" INNIUS_API_KEY="+s.Key+" "+Name,
		"sensors", plant.Sensors(), "requests_per_hour", s.RequestsPerHour, "burst", s.Burst, "stats", api.url.JoinPath("-/stats"))
	<-ctx.Done()
	api.stop()
	c := api.counts()
	logger.Info("stopped", "requests", c.Requests, "limited", c.Limited, "max_in_flight", c.MaxInFlight, "seconds", c.Seconds)
	return nil
}
