package status

import (
	"bufio"
	"encoding/json"
)

// WriteJSON writes the status sensor by sensor: each account with its machines, and each machine with its sensors, as the last
// field.
func (s *Status) WriteJSON(w *bufio.Writer) error {
	sensors, one := json.NewEncoder(w), new(Sensor)
	return list(w, s, "accounts", len(s.Accounts), func(i int) error {
		a := &s.Accounts[i]
		return list(w, a, "machines", len(a.Machines), func(i int) error {
			m := &a.Machines[i]
			return list(w, m, "sensors", m.Sensors.Len, func(i int) error {
				*one = m.Sensors.At(i)
				return sensors.Encode(one)
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
