//go:build unix

package app

import (
	"io"
	"math"
	"net/http"
	"regexp"
	"strconv"
)

// scraped is one scrape: when each sensor's reading was measured, in milliseconds, and when the state was written.
type scraped struct {
	times   map[int]int64
	written float64
}

var sample = regexp.MustCompile(`(?m)^innius_sensor_(value|timestamp_seconds)\{.*sensor="s(\d+)"\} (\S+)$|^innius_exporter_state_last_write_timestamp_seconds (\S+)$`)

// scrape reads /metrics, where each value must be of its own sensor and time.
func (v *victim) scrape(address string) scraped {
	v.Helper()
	req, err := http.NewRequestWithContext(v.Context(), http.MethodGet, "http://"+address+"/metrics", http.NoBody)
	if err != nil {
		v.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		v.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		v.Fatal(err)
	}
	return v.parse(string(body))
}

func (v *victim) parse(exposition string) scraped {
	s, values := scraped{times: map[int]int64{}}, map[int]float64{}
	for _, m := range sample.FindAllStringSubmatch(exposition, -1) {
		sensor, _ := strconv.Atoi(m[2])
		number, err := strconv.ParseFloat(m[3]+m[4], 64)
		switch {
		case err != nil:
			v.Error(err)
		case m[1] == "value":
			values[sensor] = number
		case m[1] != "":
			s.times[sensor] = int64(math.Round(number * 1000))
		default:
			s.written = number
		}
	}
	for sensor, value := range values {
		if value != encoded(sensor, s.times[sensor]) {
			v.Errorf("sensor %d has the value %.0f at %d", sensor, value, s.times[sensor])
		}
	}
	return s
}
