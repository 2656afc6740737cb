package poller

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"

	"innius_exporter/internal/simulator"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestGoldenExpositionOfTheDemo shows each change of what users see as a difference in a file.
func TestGoldenExpositionOfTheDemo(t *testing.T) {
	// One request at a time: with more, which sensor comes first would be left to chance.
	begin := setting{plant: simulator.Demo(dawn), api: simulator.Options{Limits: simulator.DemoLimits()}, concurrency: 1}
	begin.client.PageSize = 100
	play(t, begin, func(s *story) {
		s.pass(10 * time.Minute)
		got := s.exposition()
		path := filepath.Join("testdata", "demo.prom")
		if *update {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		compareLines(t, string(got), string(want))
		if fresh := s.states("a1", SensorCurrent); fresh < 55 {
			t.Errorf("%v sensors have fresh values, want 55 at least", fresh)
		}
	})
}

// exposition is what Prometheus would read.
func (s *story) exposition() []byte {
	s.Helper()
	families, err := s.registry.Gather()
	if err != nil {
		s.Fatal(err)
	}
	var text bytes.Buffer
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "innius_") {
			s.Errorf("%s is not ours", f.GetName())
		}
		if _, err := expfmt.MetricFamilyToText(&text, f); err != nil {
			s.Fatal(err)
		}
	}
	return text.Bytes()
}

func compareLines(t *testing.T, got, want string) {
	t.Helper()
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || a[i] != b[i] {
			t.Fatalf("line %d differs (go test ./internal/poller -run Golden -update writes it anew):\ngot  %q\nwant %q",
				i+1, a[min(i, len(a)-1)], b[min(i, len(b)-1)])
		}
	}
}
