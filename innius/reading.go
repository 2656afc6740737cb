package innius

import (
	"cmp"
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

// State is the value as a text that may be a state: that of a number is its shortest one, so booleans are 1 and 0. Empty where
// there is no value.
func (r Reading) State() string {
	switch r.Skip {
	case "":
		return strconv.FormatFloat(r.Value, 'f', -1, 64)
	case SkipText:
		return r.Text
	}
	return ""
}

// IsState reports whether some value has a text as its State.
func IsState(text string) bool {
	number, shown, why := readNumber(text, Secret{})
	return text != "" && Reading{Value: number, Text: shown, Skip: why}.State() == text
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
			readings[i] = Reading{Text: p.key.redactValue(fmt.Sprint(stamp)), Skip: SkipTime}
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
			return 0, key.redactValue(text), SkipNumber // 1e400, NaN, or nothing
		}
		return 0, key.redactValue(text), SkipText // also "E5" and "1.2.3", which the user may map to a number
	}
	return 0, kind(value), SkipNumber
}

// decimal separates 12, -3.5 and 1e6 from the other spellings that Go would take for a number (0x1p4, 1_000, inf).
func decimal(text string) bool {
	return text != "" && strings.Trim(text, "0123456789+-.eE") == "" && strings.ContainsAny(text, "0123456789")
}

// A time outside these is a mistake of its unit or of its sensor.
var (
	earliest = time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
)

// TimeZone returns a time zone of the IANA database by its name; nil for an empty one.
func TimeZone(name string) (*time.Location, error) {
	if name == "" {
		return nil, nil //nolint:nilnil // no zone is no mistake
	}
	zone, err := time.LoadLocation(name)
	if err != nil || zone == time.Local {
		return nil, errors.New("must be a name of the IANA time zone database, such as Europe/Amsterdam")
	}
	return zone, nil
}

// readTime reads a time and names its form: text as RFC 3339 or ISO 8601 write it, or an epoch whose unit follows from the digits
// before its point: 10 seconds, 13 milli-, 16 micro-, 19 nanoseconds; one digit fewer is the same unit before September
// 2001. Milliseconds are documented for the plugin, the rest is assumed. Text without a zone is read in the zone given; not
// where that is nil, nor in an hour that a change of the clock repeats or skips. It is false where the text is no time
// within 1990 to 2100.
func readTime(text string, zone *time.Location) (at time.Time, form string, ok bool) {
	text = strings.TrimSpace(text)
	if at, form, ok = parseEpoch(text); !ok {
		at, form, ok = parseText(text, zone)
	}
	return at.UTC(), form, ok && !at.Before(earliest) && at.Before(latest)
}

// isoText is RFC 3339 and what of ISO 8601 leaves no doubt: date and time with or without hyphens and colons, without
// seconds, and a zone as Z, UTC, GMT or an offset, after which Java may name the zone in brackets.
var isoText = regexp.MustCompile(`^(\d{4})-?(\d\d)-?(\d\d)[T ](\d\d):?(\d\d)(?::?(\d\d)([.,]\d+)?)?` +
	`(?: ?(?:(Z|UTC|GMT)|([+-]\d\d)(?::?(\d\d))?)(?:\[[A-Z0-9/_+-]+\])?)?$`)

func parseText(text string, zone *time.Location) (at time.Time, form string, ok bool) {
	text = strings.ToUpper(text)
	if at, err := time.Parse(time.RFC3339Nano, strings.Replace(text, " ", "T", 1)); err == nil {
		return at, "RFC 3339", true
	}
	m := isoText.FindStringSubmatch(text)
	if m == nil {
		return time.Time{}, "", false
	}
	local := m[1] + "-" + m[2] + "-" + m[3] + "T" + m[4] + ":" + m[5] + ":" + cmp.Or(m[6], "00") + m[7]
	if m[8] != "" || m[9] != "" {
		at, err := time.Parse(time.RFC3339Nano, local+cmp.Or(m[9], "+00")+":"+cmp.Or(m[10], "00"))
		return at, "ISO 8601", err == nil
	}
	if zone == nil {
		return time.Time{}, "", false
	}
	at, err := time.ParseInLocation(wallClock, local, zone)
	wall := at.Format(wallClock)
	unique := wall != at.Add(time.Hour).Format(wallClock) && wall != at.Add(-time.Hour).Format(wallClock)
	return at, "ISO 8601 without a zone", err == nil && unique && strings.HasPrefix(local, wall)
}

const wallClock = "2006-01-02T15:04:05"

// parseEpoch works on the digits, never on a float: 19 digits do not fit into one.
func parseEpoch(text string) (at time.Time, form string, ok bool) {
	whole, fraction, _ := strings.Cut(fixed(text), ".")
	if strings.Trim(whole+fraction, "0123456789") != "" {
		return time.Time{}, "", false
	}
	var unit int // decimals of it that make nanoseconds
	switch len(whole) {
	case 9, 10:
		unit, form = 9, "epoch seconds"
	case 12, 13:
		unit, form = 6, "epoch milliseconds"
	case 15, 16:
		unit, form = 3, "epoch microseconds"
	case 18, 19:
		form = "epoch nanoseconds"
	default:
		return time.Time{}, "", false
	}
	nanos, err := strconv.ParseInt(whole+(fraction + "000000000")[:unit], 10, 64)
	return time.Unix(0, nanos), form, err == nil
}

// fixed writes a number in scientific notation, as some encoders write 13 digits, without it.
func fixed(text string) string {
	if !strings.ContainsAny(text, "eE") {
		return text
	}
	number, err := strconv.ParseFloat(text, 64)
	if err != nil || number < 0 || number >= 1e19 {
		return text
	}
	return strconv.FormatFloat(number, 'f', -1, 64)
}

// clockNoise is the difference of clocks that a Date header cannot prove: it has whole seconds, and is written before the
// response arrives.
const clockNoise = 2 * time.Second
