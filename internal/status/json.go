package status

import (
	"bufio"
	"cmp"
	"encoding/json"
	"math"
	"strconv"
	"time"
)

// WriteJSON writes the status sensor by sensor: each account with its machines, and each machine with its sensors, as the last
// field.
func (s *Status) WriteJSON(w *bufio.Writer) error {
	one := new(Sensor)
	return list(w, s, "accounts", len(s.Accounts), func(i int) error {
		a := &s.Accounts[i]
		return list(w, a, "machines", len(a.Machines), func(i int) error {
			m := &a.Machines[i]
			return list(w, m, "sensors", m.Sensors.Len, func(i int) error {
				*one = m.Sensors.At(i)
				text, err := one.appendJSON(w.AvailableBuffer())
				_, _ = w.Write(append(text, '\n')) // w keeps its first error
				return err
			})
		})
	})
}

// list writes an object, with a list as its last field.
func list(w *bufio.Writer, object any, name string, elements int, write func(i int) error) error {
	text, err := json.Marshal(object)
	if err != nil {
		return err
	}
	_, _ = w.WriteString(string(text[:len(text)-1]) + `,"` + name + `":[`) // w keeps its first error
	for i := range elements {
		if i > 0 {
			_ = w.WriteByte(',')
		}
		if err := write(i); err != nil {
			return err
		}
	}
	_, err = w.WriteString("]}\n")
	return err
}

// appendJSON appends what encoding/json writes of a sensor, which takes five times as long for it.
func (s *Sensor) appendJSON(to []byte) ([]byte, error) {
	w := jsonWriter{text: to}
	w.string(`{"sensor":`, s.Sensor)
	w.string(`,"sensor_id":`, s.ID)
	w.string(`,"sensor_name":`, s.Name)
	w.string(`,"unit":`, s.Unit)
	w.string(`,"status":`, string(s.Status))
	w.text = strconv.AppendBool(append(w.text, `,"on_metrics":`...), s.Exposed)
	w.optional(`,"reason":`, s.Reason)
	w.number(`,"value":`, s.Value)
	w.optional(`,"state":`, s.State)
	if s.Min != nil {
		w.number(`,"min":`, s.Min)
	}
	if s.Max != nil {
		w.number(`,"max":`, s.Max)
	}
	w.time(`,"timestamp":`, s.Timestamp)
	w.number(`,"age_seconds":`, s.Age)
	if s.Interval != 0 {
		w.number(`,"reporting_interval_seconds":`, &s.Interval)
	}
	if s.Gap != 0 {
		w.number(`,"planned_gap_seconds":`, &s.Gap)
	}
	w.time(`,"last_success":`, s.LastSuccess)
	w.time(`,"last_poll":`, s.LastPoll)
	w.time(`,"next_poll":`, s.NextPoll)
	w.optional(`,"next_poll_waits_for":`, string(s.WaitsFor))
	w.text = strconv.AppendInt(append(w.text, `,"next_poll_sensors_ahead":`...), int64(s.Ahead), 10)
	w.optional(`,"max_age":`, string(s.MaxAge))
	w.optional(`,"missed_readings":`, s.Missed)
	if len(s.Recent) > 0 {
		w.any(`,"recent":`, s.Recent)
	}
	if len(s.Gaps) > 0 {
		w.any(`,"gaps":`, s.Gaps)
	}
	return append(w.text, '}'), w.err
}

// jsonWriter appends names, with what separates them, and their values. The first value that JSON does not have is the error.
type jsonWriter struct {
	text []byte
	err  error
}

func (w *jsonWriter) string(name, value string) {
	for i := range len(value) {
		if c := value[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			w.any(name, value)
			return
		}
	}
	w.text = append(append(append(append(w.text, name...), '"'), value...), '"')
}

func (w *jsonWriter) optional(name, value string) {
	if value != "" {
		w.string(name, value)
	}
}

func (w *jsonWriter) number(name string, value *float64) {
	if value == nil || *value != 0 && !(math.Abs(*value) >= 1e-6 && math.Abs(*value) < 1e21) { // with an exponent, or no number
		w.any(name, value)
		return
	}
	w.text = strconv.AppendFloat(append(w.text, name...), *value, 'f', -1, 64)
}

func (w *jsonWriter) time(name string, value time.Time) {
	if value.IsZero() {
		return
	}
	text, err := value.AppendText(append(append(w.text, name...), '"'))
	w.text, w.err = append(text, '"'), cmp.Or(w.err, err)
}

func (w *jsonWriter) any(name string, value any) {
	text, err := json.Marshal(value)
	w.text, w.err = append(append(w.text, name...), text...), cmp.Or(w.err, err)
}
