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

// whole is the status as encoding/json writes it in one piece.
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
	Sensors []Sensor `json:"sensors"`
}

// sample returns a status with sensors of all texts, and the same as a whole.
func sample(texts []string, numbers []float64) (Status, whole) {
	counts := map[poller.SensorStatus]int{poller.SensorStale: 2}
	s := Status{At: now, Unmatched: texts, Accounts: []Account{{Name: texts[0], Up: new(true)}, {Sensors: counts}}}
	all := whole{Status: s, Accounts: []wholeAccount{{Account: s.Accounts[0], Machines: []wholeMachine{}}, {Account: s.Accounts[1]}}}
	for i, text := range texts {
		m := Machine{Machine: text, ByStatus: map[poller.SensorStatus]int{poller.SensorCurrent: i}}
		sensors := []Sensor{}
		for n, number := range numbers {
			at := now.Add(time.Duration(n) * 123456789)
			s := Sensor{Sensor: text, Unit: text, Reason: text, Value: &numbers[n], Age: new(number / 2), Interval: number, Min: &numbers[n], Max: &numbers[n]}
			s.Timestamp, s.NextPoll, s.Recent = at, at, []reading.Point{{number, 2}}
			if n == 0 {
				s = Sensor{}
			}
			sensors = append(sensors, s)
		}
		m.Sensors = Sensors{len(sensors), func(i int) Sensor { return sensors[i] }}
		s.Accounts[1].Machines = append(s.Accounts[1].Machines, m)
		all.Accounts[1].Machines = append(all.Accounts[1].Machines, wholeMachine{m, sensors})
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

// A field that appendJSON forgets, or writes where encoding/json does not, is found: each is the only one with a value once.
func TestSensorAppendsWhatEncodingJSONWrites(t *testing.T) {
	const text = `<ü>&"\ ` + "\u2028\x00\x7f\xff"
	values := []any{
		"plain", text, true, 7,
		[]reading.Point{{1, 2.5}},
		[][2]float64{{3, 4}},
		now.Add(123456789), 0.0, 1.5, 1e-6, 9e-7, 1e20, -1e21,
		math.Copysign(0, -1), math.Pi,
	}
	sensors := []Sensor{{}}
	for i := range reflect.TypeFor[Sensor]().NumField() {
		before := len(sensors)
		for _, value := range values {
			var one Sensor
			field, v := reflect.ValueOf(&one).Elem().Field(i), reflect.ValueOf(value)
			if field.Kind() == reflect.Pointer && field.Type().Elem() == v.Type() {
				field.Set(reflect.New(v.Type()))
				field = field.Elem()
			}
			if field.Kind() == v.Kind() {
				field.Set(v.Convert(field.Type()))
				sensors = append(sensors, one)
			}
		}
		if len(sensors) == before {
			t.Errorf("no value for field %s", reflect.TypeFor[Sensor]().Field(i).Name)
		}
	}
	for _, one := range sensors {
		want, err := json.Marshal(one)
		if got, gotErr := one.appendJSON(nil); err != nil || gotErr != nil || string(got) != string(want) {
			t.Errorf("got  %s, %v\nwant %s, %v", got, gotErr, want, err)
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
