package innius

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// SkipReason is why a reading cannot be used; empty where it can.
type SkipReason string

// The reasons, safe as metric labels.
const (
	SkipNumber SkipReason = "number" // null, no value, not finite
	SkipText   SkipReason = "text"   // text that is no number
	SkipTime   SkipReason = "time"   // no time, or none within 1990 to 2100
	SkipFuture SkipReason = "future" // more than 5 min ahead of the API's clock: it would always look fresh
)

// maxAhead is how far a reading may be ahead of the API's clock.
const maxAhead = 5 * time.Minute

// Reading is one measured value of a sensor. Time is the source's own; zero where Skip is SkipTime. Text is the
// value as the API gave it where it is no number, and the time where that is unreadable; redacted and cut.
type Reading struct {
	Time  time.Time
	Value float64
	Text  string
	Skip  SkipReason
}

var (
	commaText   = regexp.MustCompile(`^[+-]?[0-9][0-9.]*,[0-9]+$`)
	percentText = regexp.MustCompile(`^[+-]?[0-9.,]+\s*%$`)
)

// Hint names what keeps the text of a reading from being a number or a time, where that is known; empty where it is not.
func (r Reading) Hint() string {
	_, _, zoned := readTime(r.Text, time.UTC)
	switch {
	case r.Skip == SkipText && commaText.MatchString(r.Text):
		return "decimal comma"
	case r.Skip == SkipText && percentText.MatchString(r.Text):
		return "percent sign"
	case r.Skip == SkipTime && zoned:
		return "no time zone"
	}
	return ""
}

// Shown is the text in quotes, with the hint behind it.
func (r Reading) Shown() string {
	text := strconv.Quote(r.Text)
	if hint := r.Hint(); hint != "" {
		text += " (" + hint + ")"
	}
	return text
}

// IsText reports whether a text, as the value of a reading, is taken for text: no number, not empty, and without white
// space around it. Only such a text can be mapped to a number.
func IsText(text string) bool {
	_, shown, why := readNumber(text, Secret{})
	return why == SkipText && shown == text
}

// readings reads one page of values in the order of the page. A response in which no reading has a known field for its time,
// or for its value, is an error that lists the fields: skipping all would look like a silent sensor.
func (p *list) readings() ([]Reading, error) {
	roles := p.fields.roles(OpValues)
	for _, role := range roles {
		isPresent := func(o object) bool { _, ok := o.taken(role); return ok }
		if len(p.objects) > 0 && !slices.ContainsFunc(p.objects, isPresent) {
			return nil, p.errorf("no reading has a %s (%s); the fields are: %s; fields.%s in the config chooses one",
				role.name, role.candidates(), p.fieldNames(p.objects[0]), role.name)
		}
	}
	readings := make([]Reading, len(p.objects))
	for i, item := range p.objects {
		stamp := item.pick(roles[0])
		at, ok := p.time(stamp)
		if !ok {
			readings[i] = Reading{Text: p.key.redactError(fmt.Sprint(stamp)), Skip: SkipTime}
			continue
		}
		number, text, why := readNumber(item.pick(roles[1]), p.key)
		if at.Sub(p.clock) > maxAhead {
			why = SkipFuture
		}
		readings[i] = Reading{Time: at, Value: number, Text: text, Skip: why}
	}
	return readings, nil
}

// readNumber reads a value: booleans become 1 and 0, numbers in text are parsed.
func readNumber(value any, key Secret) (float64, string, SkipReason) {
	switch v := value.(type) {
	case bool:
		if v {
			return 1, "", ""
		}
		return 0, "", ""
	case json.Number, string:
		text := strings.TrimSpace(plain(v))
		number, err := strconv.ParseFloat(text, 64)
		if err == nil && !math.IsInf(number, 0) && !math.IsNaN(number) && decimal(text) {
			return number, "", ""
		}
		if errors.Is(err, strconv.ErrRange) || err == nil || text == "" {
			return 0, key.redactError(text), SkipNumber // 1e400, NaN, or nothing
		}
		return 0, key.redactError(text), SkipText // also "E5" and "1.2.3", which the user may map to a number
	}
	return 0, kind(value), SkipNumber
}

// decimal separates 12, -3.5 and 1e6 from the other spellings that Go would take for a number (0x1p4, 1_000, inf).
func decimal(text string) bool {
	return text != "" && strings.Trim(text, "0123456789+-.eE") == "" && strings.ContainsAny(text, "0123456789")
}
