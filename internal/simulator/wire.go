package simulator

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// reply is a response that is ready to be sent. JSON unless a header sets another type.
type reply struct {
	status int
	header map[string]string
	body   []byte
}

// failure is a response with a message.
func (f *Format) failure(status int, message string) reply {
	return reply{status: status, body: appendObject(nil, object{{f.Fields.Message, message}})}
}

// envelope writes data and next_key around a page.
func (f *Format) envelope(op string, p pageOf) raw {
	var data any = append([]raw{}, p.items...)
	outer := f.next(p)
	if f.KeyObject != "" && len(outer) > 0 {
		outer = object{{f.KeyObject, outer}}
	}
	if name := f.holder(op); name != "" {
		inner := object{{name, data}}
		if f.SecondList != "" {
			inner = object{{f.SecondList, []raw{appendObject(nil, object{{"code", "A-1"}, {"text", "door open"}})}}, {name, data}}
		}
		if f.KeyInData {
			inner, outer = append(inner, outer...), nil
		}
		data = inner
	}
	if p.text {
		data = notAList
	}
	return appendObject(nil, append(object{{f.Fields.Data, data}}, outer...))
}

// holder is the field of data that holds the list; empty: data is the list.
func (f *Format) holder(op string) string {
	if f.Holder != "" {
		return f.Holder
	}
	return map[Shape]string{OwnField: op, Items: "items", Results: "results"}[f.Shape]
}

// emptyReply is an empty list without a further page, in a form other than [].
func (f *Format) emptyReply(op string) reply {
	var data any
	switch f.Empty {
	case EmptyNoContent:
		return reply{status: http.StatusNoContent}
	case EmptyBraces:
		return reply{status: http.StatusOK, body: []byte("{}")}
	case EmptyNoData:
		return reply{status: http.StatusOK, body: appendObject(nil, f.next(pageOf{}))}
	case EmptyDataObject:
		data = object{}
	case EmptyHolderNull:
		data = object{{op, nil}}
	case EmptyNull:
		if name := f.holder(op); name != "" {
			data = object{{name, nil}}
		}
	}
	return reply{status: http.StatusOK, body: appendObject(nil, append(object{{f.Fields.Data, data}}, f.next(pageOf{})...))}
}

// next is the field next_key of a page; none if the absence of the field marks the end.
func (f *Format) next(p pageOf) object {
	switch {
	case f.NoNextKey:
		return nil
	case p.next != "" && (f.NextKey == TextKey || f.KeyPrefix != ""):
		return object{{f.Fields.NextKey, p.next}}
	case p.next != "":
		return object{{f.Fields.NextKey, json.Number(p.next)}}
	case f.KeyEnd == NullAtEnd:
		return object{{f.Fields.NextKey, nil}}
	case f.KeyEnd == ZeroAtEnd:
		return object{{f.Fields.NextKey, 0}}
	}
	return nil
}

// company is what data holds in the response for the company.
func (f *Format) company(p *plant) any {
	switch f.Company {
	case CompanyListed:
		return []raw{f.companyObject(p)}
	case CompanyNested:
		return object{{"company", f.companyObject(p)}}
	case CompanyText:
		return f.id(p.id)
	case CompanyTextList:
		return []any{f.id(p.id)}
	}
	return f.companyObject(p)
}

func (f *Format) companyObject(p *plant) raw {
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
	at, value := f.time(time.Unix(0, s.stamp(i))), f.value(s.value(i))
	if f.Pairs {
		return appendList(nil, []raw{appendJSON(nil, at), appendJSON(nil, value)})
	}
	o := object{{f.Fields.Time, at}, {f.Fields.Value, value}}
	return appendObject(make([]byte, 0, 64), o.extra(f.Extra.Reading))
}

// time writes a time in the form of the format: a number kept as written, or text.
func (f *Format) time(t time.Time) any {
	if layout := f.layout(); layout != "" {
		return t.In(f.zone()).Format(layout)
	}
	digits := f.digits(t)
	if f.TimeAsText {
		return digits
	}
	return json.Number(digits)
}

// layout is how a time in text is written; empty where it is a number.
func (f *Format) layout() string {
	const seconds = "2006-01-02T15:04:05.999999999"
	return map[TimeForm]string{
		RFC3339:       time.RFC3339Nano,
		OffsetMinutes: seconds + "-0700",
		OffsetHours:   seconds + "-07",
		SpaceUTC:      "2006-01-02 15:04:05.999999999 MST",
		BasicForm:     "20060102T150405Z0700",
		NoSeconds:     "2006-01-02T15:04Z07:00",
		ZoneID:        seconds + "Z07:00[MST]",
		EastOffset:    seconds + "-0700",
		Zoneless:      seconds,
	}[f.Time]
}

func (f *Format) zone() *time.Location {
	switch f.Time {
	case EastOffset:
		return time.FixedZone("", int(time.Hour/time.Second))
	case Zoneless:
		return f.Zone
	}
	return time.UTC
}

// Written is a time as the format can write it: with no more digits than it shows.
func (f Format) Written(t time.Time) time.Time { return t.UTC().Truncate(f.resolution()) }

// resolution is the smallest step of the times that the format can write.
func (f *Format) resolution() time.Duration {
	switch f.Time {
	case Milliseconds:
		return time.Millisecond
	case WholeSeconds, BasicForm:
		return time.Second
	case FractionalSeconds, Microseconds:
		return time.Microsecond
	case NoSeconds:
		return time.Minute
	}
	return time.Nanosecond
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
	if !f.NumbersAsText && f.Decimal == Point {
		return v
	}
	switch v.(type) {
	case float64, int, int64, json.Number:
		text := appendJSON(nil, v)
		if text[0] != '"' {
			return f.decimal(string(text))
		}
	}
	return v
}

func (f *Format) decimal(number string) string {
	switch {
	case f.Decimal == Percent:
		return number + "%"
	case f.Decimal == Comma && strings.Contains(number, "."):
		return strings.ReplaceAll(number, ".", ",")
	case f.Decimal == Comma:
		return number + ",0"
	}
	return number
}

// id writes an id: as it is, or as the number that stands for it.
func (f *Format) id(id string) any {
	if f.NumericIDs {
		return json.Number(f.wireID(id))
	}
	return id
}

// wireID is an id as it is written in responses and paths.
func (f *Format) wireID(id string) string {
	if !f.NumericIDs || isWhole(id) {
		return id
	}
	return strconv.FormatUint(textHash(id)>>1|1<<62, 10) // 19 digits: no float can hold it
}

// isWhole reports whether an id is a JSON number already.
func isWhole(id string) bool {
	n, err := strconv.ParseUint(id, 10, 64)
	return err == nil && strconv.FormatUint(n, 10) == id
}
