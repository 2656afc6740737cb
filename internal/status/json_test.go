package status

import (
	"bufio"
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"innius_exporter/internal/poller"
	"innius_exporter/internal/poller/reading"
)

// whole is the status as encoding/json writes it in one piece, with times as of the standard library.
type whole struct {
	Status
	Accounts []wholeAccount `json:"accounts"`
}

type wholeAccount struct {
	Account
	Machines []wholeMachine `json:"machines"`
}

type wholeMachine struct {
	Machine
	Sensors []wholeSensor `json:"sensors"`
}

type wholeSensor struct {
	Sensor
	Timestamp   time.Time `json:"timestamp,omitzero"`
	LastSuccess time.Time `json:"last_success,omitzero"`
	LastPoll    time.Time `json:"last_poll,omitzero"`
	NextPoll    time.Time `json:"next_poll,omitzero"`
}

// sample returns a status with sensors of all texts, and the same as a whole.
func sample(texts []string, numbers []float64) (Status, whole) {
	counts := map[poller.SensorStatus]int{poller.SensorStale: 2}
	s := Status{At: now, Unmatched: texts, Accounts: []Account{{Name: texts[0], Up: new(true)}, {Sensors: counts}}}
	all := whole{Status: s, Accounts: []wholeAccount{{Account: s.Accounts[0], Machines: []wholeMachine{}}, {Account: s.Accounts[1]}}}
	for i, text := range texts {
		m := Machine{Machine: text, ByStatus: map[poller.SensorStatus]int{poller.SensorCurrent: i}}
		sensors := []Sensor{}
		one := wholeMachine{Machine: m, Sensors: []wholeSensor{}}
		for n, number := range numbers {
			at := now.Add(time.Duration(n) * 123456789)
			s := Sensor{Sensor: text, Unit: text, Reason: text, Value: &numbers[n], Age: new(number / 2), Interval: number}
			s.Timestamp, s.NextPoll, s.Recent = Time(at), Time(at), []reading.Point{{number, 2}}
			if n == 0 {
				s = Sensor{}
			}
			sensors = append(sensors, s)
			w := wholeSensor{Sensor: s, Timestamp: time.Time(s.Timestamp), NextPoll: time.Time(s.NextPoll)}
			one.Sensors = append(one.Sensors, w)
		}
		m.Sensors = Sensors{len(sensors), func(i int) Sensor { return sensors[i] }}
		s.Accounts[1].Machines, all.Accounts[1].Machines = append(s.Accounts[1].Machines, m), append(all.Accounts[1].Machines, one)
	}
	return s, all
}

func TestWriteJSONHasWhatEncodingJSONWrites(t *testing.T) {
	texts := []string{"plain", `<script>&'"\`, "\u2028 \xff \x00 ü 日本", "", strings.Repeat("x", 70000)}
	s, all := sample(texts, []float64{0, 1.5, -2e-9, math.MaxFloat64, 1e21, 13270480.5, math.Copysign(0, -1)})
	want, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{16, 64 << 10} {
		var got bytes.Buffer
		w := bufio.NewWriterSize(&got, size)
		if err := s.WriteJSON(w); err != nil || w.Flush() != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(numbersOf(t, got.Bytes()), numbersOf(t, want)) {
			t.Errorf("got %.3000s, want %.3000s", got.Bytes(), want)
		}
	}
}

func TestWriteJSONReportsWhatCannotBeWritten(t *testing.T) {
	s, _ := sample([]string{"a"}, []float64{1, math.NaN()})
	if err := s.WriteJSON(bufio.NewWriter(new(bytes.Buffer))); err == nil {
		t.Error("a NaN is no error")
	}
}

// numbersOf decodes JSON, with numbers as they are written.
func numbersOf(t *testing.T, text []byte) (value any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&value); err != nil {
		t.Fatalf("%v: %.1000s", err, text)
	}
	return value
}
