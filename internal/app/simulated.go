package app

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"innius_exporter/internal/simulator"
)

// simulated is a simulated innius API that is being served on a socket: for --demo inside this process, for simulate
// as a process of its own. The exporter reaches either like the real one, by URL and key.
type simulated struct {
	url *url.URL

	simulator *simulator.Server
	http      *http.Server
	done      chan struct{} // closed when the server has ended
}

// startSimulated serves a plant on an address, such as "127.0.0.1:0". The caller stops it.
func startSimulated(ctx context.Context, address string, plant simulator.Plant, key string, limits simulator.Limits,
	logger *slog.Logger,
) (*simulated, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("serve the simulated API: %w", err)
	}
	s := &simulated{
		url:       &url.URL{Scheme: "http", Host: listener.Addr().String()},
		simulator: simulator.New(plant, simulator.Options{Key: key, Limits: limits}),
		done:      make(chan struct{}),
	}
	mux := http.NewServeMux()
	mux.Handle("/", s.simulator)
	mux.HandleFunc("GET /-/stats", s.stats)
	s.http = &http.Server{
		Handler: mux, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
	go func() {
		defer close(s.done)
		_ = s.http.Serve(listener) // ends when it is stopped
	}()
	return s, nil
}

// stop ends the server at once and returns when it has ended.
func (s *simulated) stop() {
	_ = s.http.Close() // what is under way is a simulation
	<-s.done
}

// counts is what the simulated API counted.
type counts struct {
	Requests    int     `json:"requests"`
	Limited     int     `json:"limited"` // 429s
	MaxInFlight int     `json:"max_in_flight"`
	Seconds     float64 `json:"seconds"` // from the first request to the last
}

// counts returns the counts so far.
func (s *simulated) counts() counts {
	stats := s.simulator.Stats()
	return counts{
		Requests: stats.Requests, Limited: stats.Limited, MaxInFlight: stats.MaxInFlight,
		Seconds: stats.LastRequest.Sub(stats.FirstRequest).Seconds(),
	}
}

func (s *simulated) stats(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(s.counts()) // the client disconnected
}
