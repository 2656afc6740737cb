//go:build unix

package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	toolkit "github.com/prometheus/exporter-toolkit/web"

	"innius_exporter/internal/config"
	"innius_exporter/internal/logging"
	"innius_exporter/internal/simulator"
)

// runConfig is the variable with the config of a process that is an exporter, to be killed.
const runConfig = "INNIUS_TEST_RUN_CONFIG"

// writeEvery is how often that process writes its state.
const writeEvery = 20 * time.Millisecond

func TestMain(m *testing.M) {
	if file := os.Getenv(runConfig); file != "" {
		if err := runToBeKilled(file); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func runToBeKilled(file string) error {
	logger := logging.New(os.Stderr, "info", "logfmt")
	e := Exporter{
		Source: config.Source{File: file}, StoragePath: filepath.Join(filepath.Dir(file), "state"), TelemetryPath: "/metrics", saveEvery: writeEvery,
		Web: &toolkit.FlagConfig{WebListenAddresses: &[]string{"127.0.0.1:0"}, WebSystemdSocket: new(bool), WebConfigFile: new(string)},
	}
	return e.Run(context.Background(), logger)
}

// encodedPlant is a plant whose values encode sensor and time.
func encodedPlant() simulator.Plant {
	p := simulator.Plant{Company: simulator.Company{ID: "works", Name: "Works"}}
	for i := range 4 {
		m := simulator.Machine{ID: fmt.Sprint("m", i), Name: fmt.Sprint("m", i)}
		for j := range 5 {
			number := 5*i + j
			m.Sensors = append(m.Sensors, simulator.Sensor{
				ID: fmt.Sprint("s", number), Name: fmt.Sprint("s", number), Period: 100 * time.Millisecond,
				Value: func(at time.Time) any { return encoded(number, at.UnixMilli()) },
			})
		}
		p.Company.Machines = append(p.Company.Machines, m)
	}
	return p
}

func encoded(sensor int, milliseconds int64) float64 {
	return float64(milliseconds*100 + int64(sensor))
}
