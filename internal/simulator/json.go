package simulator

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
)

// field is one member of a JSON object; objects keep the order in which they are written, as real APIs do.
type field struct {
	name  string
	value any
}

type object []field

// raw is JSON already.
type raw = json.RawMessage

// appendJSON writes a value. Numbers that JSON cannot hold become text, as lenient encoders write them.
func appendJSON(dst []byte, v any) []byte {
	switch v := v.(type) {
	case object:
		return appendObject(dst, v)
	case []raw:
		return appendList(dst, v)
	case raw:
		return append(dst, v...)
	case json.Number:
		return append(dst, v...)
	case string:
		return appendText(dst, v)
	case float64:
		return appendFloat(dst, v)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	}
	return appendAny(dst, v)
}

// appendAny leaves the rest to encoding/json.
func appendAny(dst []byte, v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		return append(dst, "null"...) // a channel or a function in a Plant: the plant's author's mistake, not the client's
	}
	return append(dst, text...)
}

// appendText has a fast path: a page of a thousand readings names its fields two thousand times.
func appendText(dst []byte, text string) []byte {
	for _, b := range []byte(text) {
		if b < ' ' || b >= 0x7f || b == '"' || b == '\\' {
			return appendAny(dst, text)
		}
	}
	return append(append(append(dst, '"'), text...), '"')
}

// appendFloat writes common magnitudes itself, which is most of the work of a page.
func appendFloat(dst []byte, v float64) []byte {
	size := math.Abs(v)
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return appendText(dst, strconv.FormatFloat(v, 'g', -1, 64))
	case v == 0 || size >= 1e-6 && size < 1e21:
		return strconv.AppendFloat(dst, v, 'f', -1, 64)
	}
	return appendAny(dst, v)
}

func appendObject(dst []byte, o object) []byte {
	dst = append(dst, '{')
	for i, f := range o {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendJSON(dst, f.name)
		dst = append(dst, ':')
		dst = appendJSON(dst, f.value)
	}
	return append(dst, '}')
}

func appendList(dst []byte, items []raw) []byte {
	dst = append(dst, '[')
	for i, item := range items {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, item...)
	}
	return append(dst, ']')
}

// text adds a field unless it is empty.
func (o object) text(name, value string) object {
	if value == "" {
		return o
	}
	return append(o, field{name, value})
}

func (o object) extra(more map[string]any) object {
	if len(more) == 0 {
		return o
	}
	for _, name := range slices.Sorted(maps.Keys(more)) {
		o = append(o, field{name, more[name]})
	}
	return o
}
