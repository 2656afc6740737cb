package innius_test

import (
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/simulator"
)

// net/http repeats a request by itself where a connection that was kept open breaks. innius may count both.
func TestRepetitionsOfTheTransportAreChargedAndObserved(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		pacer, observed := innius.NewPacer(1, 10), 0
		c, server := simulated(t, hall(), simulator.Options{}, func(o *innius.Options) {
			o.Pacer, o.Observe = pacer, func(innius.Attempt) { observed++ }
		})
		_, err := c.Company(t.Context())
		want(t, "error", err, nil)
		server.Inject(simulator.Fault{Kind: simulator.Reset, Times: 1})
		_, err = c.Company(t.Context())
		want(t, "error", err, nil)
		want(t, "resets", server.Stats().Faults[simulator.Reset], 1)
		want(t, "requests received", server.Stats().Requests, 3)
		want(t, "attempts observed", observed, 3)
		want(t, "requests left", int(pacer.Remaining(time.Now())), 7)
	})
}
