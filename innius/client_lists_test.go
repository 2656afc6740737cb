package innius_test

import (
	"testing"

	"innius_exporter/innius"
	"innius_exporter/internal/simulator"
)

func TestListContinuesFromAKey(t *testing.T) {
	for name, keys := range map[string]simulator.KeyForm{"number": simulator.NumberKey, "text": simulator.TextKey} {
		t.Run(name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				c, server := simulated(t, hall(), simulator.Options{Format: simulator.Format{NextKey: keys}}, pageSize(2))
				machines, err := c.Machines(t.Context(), "acme", "")
				want(t, "error", err, nil)
				want(t, "machines", machines.Items, hallMachines()[:2])
				sensors, err := c.Sensors(t.Context(), "acme", "press", "")
				want(t, "error", err, nil)
				want(t, "sensors", sensors.Items, hallSensors()[:2])
				gotMachines, err := allMachines(t, c, "acme", machines.Next)
				want(t, "error", err, nil)
				want(t, "machines", gotMachines, hallMachines()[2:])
				gotSensors, err := allSensors(t, c, "acme", "press", sensors.Next)
				want(t, "error", err, nil)
				want(t, "sensors", gotSensors, hallSensors()[2:])
				want(t, "requests", server.Stats().Requests, 6)
			})
		})
	}
}

func TestListErrorNamesTheMachine(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		_, err := dial(t, respondWith(500, `{"message":"broken"}`)).Sensors(t.Context(), "acme", "pr\u202eess\x1b", "")
		want(t, "error", err, `list the sensors of machine "press": status 500 (Internal Server Error): broken`)
		want(t, "its type", isA[*innius.Error](err), true)
	})
}
