package state

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"reflect"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller"
	"innius_exporter/internal/poller/ratelimit"
	"innius_exporter/internal/poller/reading"
	"innius_exporter/internal/poller/schedule"
)

func noon() time.Time { return time.Date(2026, 11, 1, 12, 0, 0, 123456789, time.UTC) }

// stateOf returns a state of one account in which every field is set.
func stateOf(machines, sensors int) poller.State {
	a := poller.SavedAccount{
		Name: "acme", Origin: "api.example", Company: innius.Company{ID: "acme.example", Name: "Acmé"}, Discovered: true,
		ListedAt: noon(), Pacer: innius.PacerState{At: noon(), Tokens: 3.25, Until: noon().Add(time.Hour)},
		Limit: poller.SavedLimit{Until: noon().Add(time.Hour), Since: noon(), Unstated: 2}, Learned: ratelimit.New(ratelimit.Limit{PerHour: 950, Burst: 30}).Save(),
	}
	for i := range machines {
		m := poller.SavedMachine{Machine: innius.Machine{ID: fmt.Sprint("m", i), Name: fmt.Sprint("Machine ", i)}, ListedAt: noon()}
		for j := range sensors {
			m.Sensors = append(m.Sensors, sensorOf(i, j))
		}
		a.Machines = append(a.Machines, m)
	}
	return poller.State{At: noon(), Accounts: []poller.SavedAccount{a}}
}

func sensorOf(machine, number int) poller.SavedSensor {
	at := noon().Add(time.Duration(machine*1000+number) * time.Second)
	return poller.SavedSensor{
		Sensor: innius.Sensor{ID: fmt.Sprintf("2b0c8a3e-%04d-4a55-9f10-%08d", machine, number), Name: fmt.Sprint("Temperature ", number), Unit: "°C"},
		Saved: reading.Saved{
			Time: at, Value: 20.5 + float64(number), LastSuccess: at.Add(time.Second), Seen: at, Missed: "\x02\x04", Overflow: true,
			Cursor: innius.Cursor{Key: "1718", Order: innius.Ascending}, PlannedGap: time.Hour, Silent: true, Alone: true,
			Extremes: new(reading.Extremes("\x01")), States: &reading.States{Newest: "RUN", Known: true, Counted: at.UnixNano()},
			Resumed: at.UnixNano(), Interval: schedule.Regular(10*time.Second, at),
			Rare: &reading.Rare{
				Unusable: innius.Reading{Time: at, Text: "RUN", Skip: innius.SkipText}, Unreadable: []string{"yesterday"},
				Failure: "status 404", FailingSince: at, LastFailure: at.Add(time.Minute), Failures: 3,
				Future: at.Add(time.Hour),
			},
		},
	}
}

func encoded(t testing.TB, s poller.State, clean bool) []byte {
	t.Helper()
	file, err := encode(s, clean)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestDecodeRefusesTimesThatJSONCannotExpress(t *testing.T) {
	beyond := time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, set := range map[string]func(*poller.State){
		"written":          func(s *poller.State) { s.At = beyond },
		"listed":           func(s *poller.State) { s.Accounts[0].ListedAt = beyond },
		"pause":            func(s *poller.State) { s.Accounts[0].Pacer.Until = beyond },
		"before year 0":    func(s *poller.State) { s.Accounts[0].Machines[0].Since = time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC) },
		"reading":          func(s *poller.State) { s.Accounts[0].Machines[1].Sensors[2].Time = beyond },
		"behind a pointer": func(s *poller.State) { s.Accounts[0].Machines[1].Sensors[2].Rare.LastFailure = beyond },
		"unusable reading": func(s *poller.State) { s.Accounts[0].Machines[1].Sensors[2].Rare.Unusable.Time = beyond },
		"learned":          func(s *poller.State) { s.Accounts[0].Learned.Born = beyond },
		"offset of a day":  func(s *poller.State) { s.At = s.At.In(time.FixedZone("", 86400)) },
		"year 10100":       func(s *poller.State) { s.Accounts[0].Limit.Since = beyond.AddDate(100, 0, 0) },
	} {
		state := stateOf(2, 3)
		set(&state)
		if _, err := decode(encoded(t, state, true)); err == nil {
			t.Errorf("%s: accepted", name)
		} else if u, ok := errors.AsType[*unusableError](err); !ok || u.reason != damaged {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCodecRoundTrip(t *testing.T) {
	nothing := poller.State{At: noon()}
	odd := stateOf(1, 1)
	odd.Accounts[0].Machines[0].Sensors[0].Value = math.Inf(1)
	odd.Accounts[0].Machines[0].Name = "quote \" newline \n NUL \x00 broken \xff"
	for name, want := range map[string]poller.State{
		"nothing": nothing, "all": stateOf(3, 4), "odd": odd, "no sensors": stateOf(2, 0), "no machines": stateOf(0, 0),
	} {
		for _, clean := range []bool{true, false} {
			got, err := decode(encoded(t, want, clean))
			if err != nil || got.Clean != clean || !reflect.DeepEqual(got.State, want) {
				t.Errorf("%s: %v, got\n%+v, want\n%+v", name, err, got, want)
			}
		}
	}
}

func TestCodecTestsSetEveryField(t *testing.T) {
	s := sensorOf(0, 0).Saved
	for _, v := range []reflect.Value{reflect.ValueOf(s), reflect.ValueOf(*s.Rare)} {
		for field, value := range v.Fields() {
			if field.IsExported() && value.IsZero() {
				t.Errorf("the tests do not set %s", field.Name)
			}
		}
	}
}

func TestDecodeRefusesCutFile(t *testing.T) {
	file := encoded(t, stateOf(1, 2), true)
	for n := range file {
		_, err := decode(file[:n])
		if u, ok := errors.AsType[*unusableError](err); !ok || u.reason != damaged {
			t.Fatalf("cut to %d of %d bytes: %v, want it damaged", n, len(file), err)
		}
	}
	if _, err := decode(append(file, 0)); err == nil {
		t.Error("a file with an extra byte is used")
	}
}

func TestDecodeRefusesFlippedBit(t *testing.T) {
	file := encoded(t, stateOf(1, 1), true)
	for n := range file {
		file[n] ^= 1 << (n % 8)
		if _, err := decode(file); err == nil {
			t.Fatalf("with bit %d of byte %d of %d wrong, the file is used", n%8, n, len(file))
		}
		file[n] ^= 1 << (n % 8)
	}
}

func TestDecodeReasons(t *testing.T) {
	file := encoded(t, stateOf(1, 1), true)
	for name, row := range map[string]struct {
		file []byte
		want reason
	}{
		"empty":           {nil, damaged},
		"half a line":     {[]byte("innius_exp"), damaged},
		"no version yet":  {[]byte("innius_exporter state "), damaged},
		"half a version":  {[]byte("innius_exporter state 1"), damaged},
		"no content":      {[]byte("innius_exporter state 1\n"), damaged},
		"zeros":           {make([]byte, 4096), damaged},
		"text":            {[]byte("accounts:\n  - name: acme\n"), damaged},
		"no version":      {[]byte("innius_exporter state one\n"), damaged},
		"long version":    {[]byte("innius_exporter state 11111111111111111111"), damaged},
		"version 0":       {[]byte("innius_exporter state 0\n"), damaged},
		"next version":    {bytes.Replace(file, []byte("state 1\n"), []byte("state 2\n"), 1), newer},
		"distant version": {[]byte("innius_exporter state 4000\nanything"), newer},
		"no time":         {encoded(t, poller.State{}, true), older},
		"other signature": {bytes.Replace(file, []byte("innius"), []byte("Innius"), 1), damaged},
	} {
		_, err := decode(row.file)
		if u, ok := errors.AsType[*unusableError](err); !ok || u.reason != row.want {
			t.Errorf("%s: %v, want %s", name, err, row.want)
		}
	}
}

// No content of the file may prevent the start.
func FuzzDecode(f *testing.F) {
	f.Add(encoded(f, stateOf(1, 2), true))
	f.Add([]byte("innius_exporter state 2\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		c, err := decode(file)
		if _, ok := errors.AsType[*unusableError](err); err != nil && !ok {
			t.Errorf("error of another type: %v", err)
		}
		if err != nil {
			return
		}
		if again := encoded(t, c.State, c.Clean); len(again) == 0 {
			t.Error("the decoded state cannot be encoded")
		}
	})
}

// FuzzContent tests content with a valid checksum.
func FuzzContent(f *testing.F) {
	file := encoded(f, stateOf(1, 2), true)
	f.Add(file[len(program)+len("1\n") : len(file)-sha256.Size])
	f.Fuzz(func(_ *testing.T, content []byte) {
		_, _ = decode(withChecksum(program + "1\n" + string(content)))
	})
}

// BenchmarkState encodes and decodes 100,000 sensors with everything learned.
func BenchmarkState(b *testing.B) {
	s := stateOf(1000, 100)
	for i := range s.Accounts[0].Machines {
		for j := range s.Accounts[0].Machines[i].Sensors {
			k := &s.Accounts[0].Machines[i].Sensors[j]
			k.Rare = nil
		}
	}
	var file []byte
	b.Run("encode", func(b *testing.B) {
		for b.Loop() {
			file = encoded(b, s, true)
		}
		b.ReportMetric(float64(len(file))/1e6, "MB")
	})
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			if _, err := decode(file); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// withChecksum appends the checksum.
func withChecksum(file string) []byte {
	sum := sha256.Sum256([]byte(file))
	return append([]byte(file), sum[:]...)
}
