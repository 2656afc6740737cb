package app

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os/signal"
	"syscall"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/config"
	"innius_exporter/internal/match"
	"innius_exporter/internal/simulator"
)

// demoConfig starts a simulated API inside this process and returns the config of its one account.
func demoConfig(ctx context.Context, logger *slog.Logger) (cfg *config.Config, stop func(), err error) {
	key := rand.Text()
	api, err := startSimulated(ctx, "127.0.0.1:0", simulator.Demo(time.Now()), key, simulator.DemoLimits(), logger)
	if err != nil {
		return nil, nil, err
	}
	return demoConfigOf(api.url, innius.NewSecret(key)), api.stop, nil
}

// demoName is the name of the demo's account.
const demoName = "demo"

var errDemoConfig = errors.New("--demo needs no config: leave out --config.file, --innius.url (INNIUS_URL) " +
	"and --innius.api-key-file")

// demoConfigOf is the config of the demo at an address.
func demoConfigOf(address *url.URL, key innius.Secret) *config.Config {
	a, limits := config.DefaultAccount(), simulator.DemoLimits()
	a.Name, a.URL, a.Key = demoName, address, config.FixedKey(key)
	a.RateLimit.RequestsPerHour, a.RateLimit.Burst = float64(limits.PerHour), limits.Burst
	cfg := config.Default()
	cfg.Accounts = []config.Account{a}
	cfg.Sensors = []config.SensorRule{
		{Sensor: match.MustCompile("State"), Weight: 1, States: []string{"RUN", "STOP", "FAULT"}},
		{Sensor: match.MustCompile("Nacelle vibration"), Weight: 1, Extremes: true},
	}
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
	signal.Ignore(syscall.SIGPIPE) // as Exporter.Run
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
		return fmt.Errorf("--listen-address: %w", err)
	}
	logger.Info("Serving the simulated API. To poll it: INNIUS_URL="+api.url.String()+" INNIUS_API_KEY="+s.Key+" "+Name,
		"sensors", plant.Sensors(), "requests_per_hour", s.RequestsPerHour, "burst", s.Burst, "stats", api.url.JoinPath("-/stats"))
	<-ctx.Done()
	api.stop()
	c := api.simulator.Stats()
	logger.Info("Stopped", "requests", c.Requests, "limited", c.Limited, "max_in_flight", c.MaxInFlight, "seconds", c.Seconds())
	return nil
}

// simulated is a simulated innius API that is served on a socket: for --demo inside this process, for simulate as a
// process of its own. The exporter reaches both like the real one, by URL and key.
type simulated struct {
	url       *url.URL
	simulator *simulator.Server
	stop      func() // ends the server at once and returns when it has ended
}

// startSimulated serves a plant on an address, such as "127.0.0.1:0". The caller stops it.
func startSimulated(ctx context.Context, address string, plant simulator.Plant, key string, limits simulator.Limits,
	logger *slog.Logger,
) (*simulated, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("serve the simulated API: %w", err)
	}
	api := simulator.New(plant, simulator.Options{Key: key, Limits: limits})
	mux := http.NewServeMux()
	mux.Handle("/", api)
	mux.HandleFunc("GET /-/stats", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(api.Stats()) // the client disconnected
	})
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener) // ends when it is stopped
	}()
	return &simulated{url: &url.URL{Scheme: "http", Host: listener.Addr().String()}, simulator: api, stop: func() {
		_ = server.Close() // what is under way is a simulation
		<-done
	}}, nil
}
