package e2e

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"innius_exporter/internal/simulator"
	"innius_exporter/internal/testport"
)

var (
	deliveryKills = flag.Int("delivery", 0, "number of kills of the test with each receiver: make e2e-delivery")
	deliverySeed  = flag.Uint64("delivery.seed", 0, "when and what it kills; 0: at random")
)

// behind is how far the clock of one sensor is behind: its readings are older than what Prometheus accepts by default.
const behind = 2 * time.Hour

// deliveryPlant has sensors of which every reading can be read, three that report so fast that a kill makes gaps, one that uploads
// its readings every 10 s, and one whose clock is behind. Each reading has a value of its own.
func deliveryPlant() simulator.Plant {
	p := presses(2, 8)
	for i := range p.Company.Machines {
		sensors := p.Company.Machines[i].Sensors
		for j := range sensors {
			number := float64(10*i + j)
			sensors[j].Value = func(at time.Time) any { return float64(at.UnixMilli()%1e9)*100 + number }
		}
	}
	fast := p.Company.Machines[1].Sensors
	for i := range 3 {
		fast[i].Period = 20 * time.Millisecond
	}
	fast[3].Batch = 10 * time.Second
	fast[4].Skew, fast[4].Period = -behind, 5*time.Second
	return p
}

// seriesOf names the series of a sensor.
type seriesOf struct{ machine, sensor string }

// target is a receiver of remote write.
type target struct {
	name, address string
	window        bool // it accepts readings that are older than an hour
	mayBeKilled   bool
	start         func() *process
	process       *process
	kills         int
}

func newPrometheus(t *testing.T, name string, window bool, command ...string) *target {
	t.Helper()
	dir, r := t.TempDir(), &target{name: name, address: testport.Free(t), window: window, mayBeKilled: true}
	text := "global: {scrape_interval: 1m}\n"
	if window {
		r.name += " with out_of_order_time_window"
		text += "storage: {tsdb: {out_of_order_time_window: 48h}}\n"
	}
	config := filepath.Join(dir, "prometheus.yml")
	write(t, config, text)
	args := append(command[1:], "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+r.address, "--web.enable-remote-write-receiver")
	r.start = func() *process { return launch(t, command[0], args...) }
	return r
}

// newVictoriaMetrics returns a receiver that loses what it has accepted in its last seconds when it is killed, so it is not.
func newVictoriaMetrics(t *testing.T, command ...string) *target {
	t.Helper()
	dir, r := t.TempDir(), &target{name: "VictoriaMetrics", address: testport.Free(t), window: true}
	args := append(command[1:], "-storageDataPath="+dir, "-httpListenAddr="+r.address, "-search.latencyOffset=0s")
	r.start = func() *process { return launch(t, command[0], args...) }
	return r
}

// delivery is the exporter with receivers, and what it has reported.
type delivery struct {
	*stack
	targets   []*target
	begin     time.Time // of the readings that must be delivered
	exporters []*process
	kills     int

	mu   sync.Mutex
	gaps map[seriesOf][][2]float64 // from and to, in Unix seconds
}

func newDelivery(t *testing.T, targets ...*target) *delivery {
	t.Helper()
	d := &delivery{targets: targets, gaps: map[seriesOf][][2]float64{}}
	config := "remote_write:\n"
	for _, r := range targets {
		r.process = r.start()
		config += fmt.Sprintf("  - {name: %q, url: %q}\n", r.name, "http://"+r.address+"/api/v1/write")
	}
	d.stack = newExporter(t, deliveryPlant(), simulator.Limits{PerHour: 40000, Burst: 100}, config, "--log.level=debug")
	d.exporters = append(d.exporters, d.exporter)
	done := make(chan struct{})
	t.Cleanup(func() { <-done })
	go func() {
		defer close(done)
		for t.Context().Err() == nil {
			d.collectGaps()
			time.Sleep(300 * time.Millisecond)
		}
	}()
	for _, r := range targets {
		d.waitReady(r.name, r.address)
	}
	waitFor(t, "readings of each sensor", func() bool {
		body, err := get(t, "http://"+d.address+"/metrics")
		return err == nil && strings.Count(string(body), "\ninnius_sensor_timestamp_seconds{") == deliveryPlant().Sensors()
	})
	d.save()
	d.begin = time.Now()
	return d
}

// collectGaps adds the gaps that the exporter reports now: it keeps the latest of each sensor only.
func (d *delivery) collectGaps() {
	for _, m := range deliveryPlant().Company.Machines {
		var status struct {
			Accounts []struct {
				Machines []struct {
					Sensors []struct {
						Sensor string
						Gaps   [][2]float64
					}
				}
			}
		}
		body, err := get(d.T, "http://"+d.address+"/api/v1/status?machine="+url.QueryEscape(m.Name))
		if err != nil || json.Unmarshal(body, &status) != nil || len(status.Accounts) == 0 || len(status.Accounts[0].Machines) == 0 {
			continue // it was killed, or has not started
		}
		d.mu.Lock()
		for _, s := range status.Accounts[0].Machines[0].Sensors {
			of := seriesOf{m.Name, s.Sensor}
			d.gaps[of] = append(d.gaps[of], s.Gaps...)
			slices.SortFunc(d.gaps[of], func(a, b [2]float64) int { return slices.Compare(a[:], b[:]) })
			d.gaps[of] = slices.Compact(d.gaps[of])
		}
		d.mu.Unlock()
	}
}

func (d *delivery) inGap(of seriesOf, ms int64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	at := float64(ms) / 1e3
	return slices.ContainsFunc(d.gaps[of], func(gap [2]float64) bool { return gap[0] < at && at < gap[1] })
}

// kill kills a receiver, the exporter or one after the other, and starts them again. saved: the exporter has just written its state,
// so only the spool has what the receiver has not; otherwise it reads again what it has read since.
func (d *delivery) kill(r *target, exporter, saved bool, down time.Duration) {
	if r != nil {
		r.process.kill()
		d.kills, r.kills = d.kills+1, r.kills+1
		time.Sleep(down)
	}
	if exporter {
		if saved {
			d.save()
		}
		d.exporter.kill()
		d.kills++
		time.Sleep(down)
		d.startExporter()
		d.exporters = append(d.exporters, d.exporter)
	}
	if r != nil {
		r.process = r.start()
		d.waitReady(r.name, r.address)
	}
}

// stored returns the readings of a receiver, by time in milliseconds.
func (d *delivery) stored(r *target) map[seriesOf]map[int64]float64 {
	d.Helper()
	var response struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Values [][2]any
			}
		}
	}
	d.getJSON("http://"+r.address+"/api/v1/query?query="+url.QueryEscape("innius_sensor_reading[4h]"), &response)
	all := map[seriesOf]map[int64]float64{}
	for _, one := range response.Data.Result {
		readings := map[int64]float64{}
		for _, v := range one.Values {
			value, err := strconv.ParseFloat(fmt.Sprint(v[1]), 64)
			seconds, isNumber := v[0].(float64)
			if err != nil || !isNumber {
				d.Fatalf("%s: %v", r.name, v)
			}
			readings[int64(math.Round(seconds*1e3))] = value
		}
		all[seriesOf{one.Metric["machine"], one.Metric["sensor"]}] = readings
	}
	return all
}

var loggedReading = regexp.MustCompile(
	`msg="(Receiver refused|Dropped) a reading.*" receiver="?([^"]+?)"? company=.* machine="([^"]+)" sensor="([^"]+)" time_ms=(\d+)`)

// readingAt is a reading for a receiver.
type readingAt struct {
	target string
	seriesOf
	ms int64
}

// refused returns the readings that the exporter has logged as refused or dropped.
func (d *delivery) refused() map[readingAt]bool {
	all := map[readingAt]bool{}
	for _, p := range d.exporters {
		p.mu.Lock()
		text := p.log.String()
		p.mu.Unlock()
		for _, m := range loggedReading.FindAllStringSubmatch(text, -1) {
			ms, _ := strconv.ParseInt(m[5], 10, 64)
			all[readingAt{m[2], seriesOf{m[3], m[4]}, ms}] = true
		}
	}
	return all
}

// tally is what became of the readings for a receiver. Those that exist are stored, or else in one of the next three.
type tally struct {
	exist, stored                     int
	inGaps, refusedOld, refusedOthers int
	unexplained, wrong, invented      int
	examples                          []string
}

func (t *tally) example(what string, of seriesOf, at time.Time) {
	if len(t.examples) < 10 {
		t.examples = append(t.examples, fmt.Sprintf("%s: %s, %s at %s", what, of.machine, of.sensor, at.UTC().Format(time.RFC3339Nano)))
	}
}

// match compares what a receiver has stored with each reading that existed. Those that were visible from begin to end must be
// stored or explained.
func (d *delivery) match(r *target, end time.Time) (n tally) {
	d.Helper()
	stored, refused := d.stored(r), d.refused()
	for _, m := range deliveryPlant().Company.Machines {
		for _, s := range m.Sensors {
			of := seriesOf{m.Name, s.Name}
			readings := s.Timeline(d.begin.Add(-time.Hour), time.Now())
			for one, ok := readings.Next(); ok; one, ok = readings.Next() {
				ms := one.Stamp.UnixMilli()
				value, isStored := stored[of][ms]
				delete(stored[of], ms)
				if isStored && value != s.Value(one.Stamp.Add(-s.Skew)) {
					n.wrong++
					n.example("wrong", of, one.Stamp)
				}
				if one.Visible.Before(d.begin) || one.Visible.After(end) {
					continue
				}
				n.exist++
				switch {
				case isStored:
					n.stored++
				case refused[readingAt{r.name, of, ms}] && s.Skew != 0:
					n.refusedOld++
				case refused[readingAt{r.name, of, ms}]:
					n.refusedOthers++
				case d.inGap(of, ms):
					n.inGaps++
				default:
					n.unexplained++
					n.example("unexplained", of, one.Stamp)
				}
			}
		}
	}
	for of, left := range stored {
		n.invented += len(left)
		for ms := range maps.Keys(left) {
			n.example("invented", of, time.UnixMilli(ms))
		}
	}
	return n
}

// check waits until every reading is stored or explained, and logs the table. A receiver that has no reading of some time has none
// inside a gap either, so the table has their number.
func (d *delivery) check() {
	d.Helper()
	end, text := time.Now(), new(strings.Builder)
	fmt.Fprintf(text, "%d kills in %.0f s, %d of them of the exporter\n", d.kills, end.Sub(d.begin).Seconds(), len(d.exporters)-1)
	text.WriteString("| receiver | kills | readings | stored | in reported gaps | refused, 2 h old | refused, others | unexplained | " +
		"wrong | invented |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for _, r := range d.targets {
		n := d.match(r, end)
		for ; n.unexplained > 0 && time.Since(end) < 2*time.Minute; n = d.match(r, end) {
			time.Sleep(time.Second)
		}
		if n.unexplained+n.wrong+n.invented > 0 || n.stored == 0 || r.window && n.refusedOld+n.refusedOthers > 0 {
			d.Errorf("%s: %+v", r.name, n)
		}
		fmt.Fprintf(text, "| %s | %d | %d | %d | %d | %d | %d | %d | %d | %d |\n", r.name, r.kills, n.exist, n.stored, n.inGaps,
			n.refusedOld, n.refusedOthers, n.unexplained, n.wrong, n.invented)
	}
	d.Log("\n" + text.String())
}

func TestEachReadingIsDeliveredOverAKillOfEitherEnd(t *testing.T) {
	t.Parallel()
	if !*enabled {
		t.Skip("runs with -e2e only: make e2e")
	}
	d := newDelivery(t, newPrometheus(t, "Prometheus", true, *prometheusPath))
	time.Sleep(3 * time.Second)
	d.kill(d.targets[0], true, true, 2*time.Second)
	time.Sleep(3 * time.Second)
	d.check()
}

func TestEachReadingIsDeliveredToEachReceiverOverKills(t *testing.T) {
	if *deliveryKills == 0 {
		t.Skip("takes minutes: make e2e-delivery")
	}
	seed := *deliverySeed
	for seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-delivery.seed=%d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	const tool = "../../.ci/tool"
	d := newDelivery(t, newPrometheus(t, "Prometheus of Debian", false, *prometheusPath),
		newPrometheus(t, "Prometheus of Debian", true, *prometheusPath),
		newPrometheus(t, "current Prometheus", false, tool, "prometheus"),
		newPrometheus(t, "current Prometheus", true, tool, "prometheus"),
		newVictoriaMetrics(t, tool, "victoria-metrics"))
	for d.kills < *deliveryKills {
		time.Sleep(time.Duration(random.Int64N(int64(8 * time.Second))))
		r := d.targets[random.IntN(len(d.targets))]
		if !r.mayBeKilled || random.IntN(3) == 0 {
			r = nil
		}
		d.kill(r, r == nil || random.IntN(2) == 0, random.IntN(2) == 0, time.Duration(random.Int64N(int64(4*time.Second))))
	}
	d.check()
}
