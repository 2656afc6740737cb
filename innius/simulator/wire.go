package simulator

import (
	"encoding/json"
	"strconv"
	"time"
)

func (f *Format) company(p *plant) raw {
	o := object{{f.Fields.CompanyID, f.id(p.id)}}.text(f.Fields.Name, p.name)
	return appendObject(nil, o.extra(f.Extra.Company))
}

func (f *Format) machine(m *machine) raw {
	o := object{{f.Fields.MachineID, f.id(m.ID)}}.text(f.Fields.Name, m.Name).text(f.Fields.Description, m.Description)
	return appendObject(nil, o.extra(f.Extra.Machine))
}

func (f *Format) sensor(s *series) raw {
	o := object{{f.Fields.SensorID, f.id(s.ID)}}.text(f.Fields.Name, s.Name).text(f.Fields.Unit, s.Unit)
	return appendObject(nil, o.extra(f.Extra.Sensor))
}

func (f *Format) reading(s *series, i int64) raw {
	o := object{{f.Fields.Time, f.time(time.Unix(0, s.stamp(i)))}, {f.Fields.Value, f.value(s.value(i))}}
	return appendObject(make([]byte, 0, 64), o.extra(f.Extra.Reading))
}

// time writes a time as the format says: a number kept as written, or text.
func (f *Format) time(t time.Time) any {
	if f.Time == RFC3339 {
		return t.UTC().Format(time.RFC3339Nano)
	}
	digits := f.digits(t)
	if f.TimeAsText {
		return digits
	}
	return json.Number(digits)
}

func (f *Format) digits(t time.Time) string {
	switch f.Time {
	case WholeSeconds:
		return strconv.FormatInt(t.Unix(), 10)
	case FractionalSeconds:
		return strconv.FormatFloat(float64(t.UnixMicro())/1e6, 'f', -1, 64)
	case Microseconds:
		return strconv.FormatInt(t.UnixMicro(), 10)
	case Nanoseconds:
		return strconv.FormatInt(t.UnixNano(), 10)
	}
	return strconv.FormatInt(t.UnixMilli(), 10)
}

func (f *Format) value(v any) any {
	if !f.NumbersAsText {
		return v
	}
	switch v.(type) {
	case float64, int, int64, json.Number:
		text := appendJSON(nil, v)
		if text[0] != '"' {
			return string(text)
		}
	}
	return v
}

// id writes an id: as it is, or as the number that stands for it.
func (f *Format) id(id string) any {
	if f.NumericIDs {
		return json.Number(f.wireID(id))
	}
	return id
}

// wireID is an id as it stands in answers and paths.
func (f *Format) wireID(id string) string {
	if !f.NumericIDs || isWhole(id) {
		return id
	}
	return strconv.FormatUint(textHash(id)>>1|1<<62, 10) // 19 digits: no float can hold it
}

// isWhole tells whether an id is a JSON number already.
func isWhole(id string) bool {
	n, err := strconv.ParseUint(id, 10, 64)
	return err == nil && strconv.FormatUint(n, 10) == id
}
