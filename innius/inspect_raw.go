package innius

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Bounds of what an Inspection shows of a body.
const (
	maxRaw   = 1200 // bytes
	maxItems = 2    // of a list in JSON that would be longer than that
)

// raw is the beginning of the body as it came; of JSON that is too long, each list's beginning, so that all of its shape
// is seen. The key is taken out of the whole body first, so that no part of one can remain where the text is cut. Where
// JSON's escapes hide the key, the body is written anew without it.
func (a *answer) raw() string {
	text := string(a.body)
	if value, err := a.parse(); err == nil {
		clean, held := a.key.outOf(value)
		if len(text) > maxRaw {
			clean = abridged(clean)
		}
		if held || len(text) > maxRaw {
			text = compact(clean)
		}
	}
	return cut(strings.Join(strings.Fields(a.key.scrub(spaced(text))), " "), maxRaw)
}

// abridged leaves the first items of each list.
func abridged(value any) any {
	switch v := value.(type) {
	case []any:
		short := make([]any, 0, maxItems+1)
		for _, item := range v[:min(len(v), maxItems)] {
			short = append(short, abridged(item))
		}
		if more := len(v) - len(short); more > 0 {
			short = append(short, fmt.Sprintf("… %d more", more))
		}
		return short
	case map[string]any:
		short := make(map[string]any, len(v))
		for name, item := range v {
			short[name] = abridged(item)
		}
		return short
	}
	return value
}

// outOf takes the key out of all texts of a JSON value, and reports whether one held it.
func (s Secret) outOf(value any) (clean any, held bool) {
	text := func(text string) string {
		if !s.in(text) {
			return text
		}
		held = true
		return s.scrub(text)
	}
	switch v := value.(type) {
	case string:
		return text(v), held
	case []any:
		for i, item := range v {
			var inside bool
			v[i], inside = s.outOf(item)
			held = held || inside
		}
	case map[string]any:
		fields := make(map[string]any, len(v))
		for name, item := range v {
			var inside bool
			fields[text(name)], inside = s.outOf(item)
			held = held || inside
		}
		return fields, held
	}
	return value, held
}

func compact(value any) string {
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value) // it was JSON before
	return out.String()
}
