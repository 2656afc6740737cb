package innius

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// This file is the one place that knows how the API spells things. Documented: results stand in the field data,
// next_key continues a list, readings are {"t", "v"}, machines carry machineid, sensors id and name. Everything else
// here is assumed, most specific spelling first; names match case-insensitively.

// role is a fact that an item of an answer states: its name in the config under fields, and how it may be spelled.
type role struct {
	name, chosen string
	known        []string
	spare        bool // a later spelling is for where the first is blank, not another name of the same fact
}

// roles lists the facts that an item of an operation's answer states: its id or time first, then its name or value.
func (f Fields) roles(op Operation) []role {
	switch op {
	case OpCompany:
		return []role{
			{"company_id", f.CompanyID, []string{"company_id", "companyid", "domain", "id"}, false},
			{"company_name", f.CompanyName, []string{"name"}, true},
		}
	case OpMachines:
		return []role{
			{"machine_id", f.MachineID, []string{"machine_id", "machineid", "id"}, false},
			// A machine without a name is better known by its description than by its id.
			{"machine_name", f.MachineName, []string{"name", "description"}, true},
		}
	case OpSensors:
		return []role{
			{"sensor_id", f.SensorID, []string{"sensor_id", "sensorid", "id"}, false},
			{"sensor_name", f.SensorName, []string{"name"}, true},
			{"unit", f.Unit, []string{"unit", "unit_of_measure", "uom"}, false},
		}
	}
	return []role{
		{"time", f.Time, []string{"timestamp", "time", "t"}, false},
		{"value", f.Value, []string{"value", "v"}, false},
	}
}

// holders are the fields of data that may hold the list: the one that the user chose, or else the known ones, most
// specific first; last the id of the object that the list is of, as in {"data": {"<id of the sensor>": [...]}}:
// assumed, and safe, for it is the id that was requested.
func (a *answer) holders(op Operation) []string {
	chosen := map[Operation]string{OpMachines: a.fields.Machines, OpSensors: a.fields.Sensors, OpValues: a.fields.Values}[op]
	if chosen != "" {
		return []string{strings.ToLower(chosen)}
	}
	known := []string{string(op), "machines", "sensors", "values", "items", "results", "data"}
	if id := a.asked.parent(); id != "" {
		known = append(known, strings.ToLower(id))
	}
	return known
}

// SkipReason says why a reading cannot be used; empty where it can.
type SkipReason string

// The reasons, safe as metric labels.
const (
	SkipNumber SkipReason = "number" // null, no value, not finite
	SkipText   SkipReason = "text"   // text that is no number
	SkipTime   SkipReason = "time"   // no time, or none within 1990 to 2100
	SkipFuture SkipReason = "future" // more than 5 min ahead of the API's clock: it would look fresh for ever
)

// maxAhead is how far a reading may be ahead of the API's clock.
const maxAhead = 5 * time.Minute

// Reading is one measured value of a sensor. Time is the source's own; zero where Skip is SkipTime. Text is the
// value as the API gave it where it is no number, and the time where that is unreadable; scrubbed and cut.
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

// Hint says what keeps the text of a reading from being a number or a time, where that is known; empty where it is not.
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
	_, shown, why := (&answer{}).number(text)
	return why == SkipText && shown == text
}

// object is a JSON object with its field names in lower case.
type object map[string]any

// lowerKeys folds the field names. Where two differ only in case, the one that comes last in byte order wins, which
// is the lower-case one.
func lowerKeys(fields map[string]any) object {
	if isLower(fields) {
		return fields // the common case, a hundred times a page
	}
	folded := make(object, len(fields))
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		folded[strings.ToLower(name)] = fields[name]
	}
	return folded
}

func isLower(fields map[string]any) bool {
	for name := range fields {
		for i := range len(name) {
			if c := name[i]; 'A' <= c && c <= 'Z' || c >= 0x80 {
				return false
			}
		}
	}
	return true
}

// spellings are the names that a fact is looked for under: the chosen one alone where the user chose one.
func (r role) spellings() []string {
	if r.chosen != "" {
		return []string{strings.ToLower(r.chosen)}
	}
	return r.known
}

// candidates lists the spellings for a person, as the user wrote the chosen one.
func (r role) candidates() string { return cmp.Or(r.chosen, strings.Join(r.known, ", ")) }

// pick returns the first field present.
func (o object) pick(r role) (any, bool) {
	for _, name := range r.spellings() {
		if value, ok := o[name]; ok {
			return value, true
		}
	}
	return nil, false
}

// fieldNames lists what is there, for an error that says what to choose from.
func (a *answer) fieldNames(o object) string {
	if len(o) == 0 {
		return "none"
	}
	return a.key.scrubError(strings.Join(slices.Sorted(maps.Keys(o)), ", "))
}

// data parses the body and returns what the field data holds, and the whole.
func (a *answer) data() (any, object, error) {
	if a.status == http.StatusNoContent {
		return nil, nil, nil // of a list that may be empty, or check had refused it
	}
	top, err := a.parse()
	if err != nil {
		return nil, nil, err
	}
	fields, ok := top.(map[string]any)
	if !ok {
		return nil, nil, a.errorf("the top level is %s, not an object with the field data", kind(top))
	}
	whole := lowerKeys(fields)
	data, ok := whole["data"]
	if !ok && !(a.asked.op.mayBeEmpty() && blank(top)) {
		return nil, whole, a.errorf("no field data; the fields are: %s", a.fieldNames(whole))
	}
	return data, whole, nil
}

// parse reads the body as JSON, within the bounds of a response.
func (a *answer) parse() (any, error) {
	if a.decoded {
		return a.top, a.unparsed
	}
	if err := a.bounded(); err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(a.body))
	decoder.UseNumber() // ids that are numbers are kept as written, never through a float
	var top any
	err := decoder.Decode(&top)
	if err == nil {
		if _, errEnd := decoder.Token(); errEnd != io.EOF {
			err = errors.New("more text after the end of the JSON")
		}
	}
	switch {
	case err == nil:
		return top, nil
	case len(bytes.TrimSpace(a.body)) == 0 || bytes.HasPrefix(bytes.TrimSpace(a.body), []byte("<")):
		return nil, a.errorf("no JSON: %s", a.notJSON())
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF):
		return nil, a.errorf("the JSON is cut off after %d bytes", len(a.body))
	}
	return nil, a.errorf("no JSON: %s: %s", a.key.scrubError(err.Error()), a.notJSON())
}

// list is one page of a list, and where in the answer it stood.
type list struct {
	objects  []object
	next     string   // start_key of the next page; empty at the end
	nextForm string   // what next_key is: "a number", "text", "null"; empty where there is none
	nextIn   string   // the object that next_key stands in, such as "paging"; empty: the top level, or data
	where    string   // "data", or "data." and the field of it
	lists    []string // the fields of data that hold lists, where none has a known name
	inside   object   // data, where it is an object
	whole    object   // the top level
}

// list finds the list in data: data itself, or the field of data that holds it. Beside an error it says what was found
// before that.
func (a *answer) list(op Operation) (list, error) {
	data, whole, err := a.data()
	l := list{whole: whole}
	if err != nil {
		return l, err
	}
	fields, _ := data.(map[string]any)
	l.inside = lowerKeys(fields)
	if err := a.nextKey(&l); err != nil {
		return l, err
	}
	items, err := a.findList(op, data, &l)
	if err != nil {
		return l, err
	}
	read, wanted := objectOf, "an object"
	if op == OpValues && len(items) > 0 && isPair(items[0]) {
		if read, err = a.pairs(items); err != nil {
			return l, err
		}
		wanted = "a pair"
	}
	l.objects = make([]object, len(items))
	for i, item := range items {
		var ok bool
		if l.objects[i], ok = read(item); !ok {
			l.objects = l.objects[:i]
			return l, a.errorf("%s[%d] is %s, not %s", op, i, kind(item), wanted)
		}
	}
	return l, nil
}

func objectOf(item any) (object, bool) {
	fields, ok := item.(map[string]any)
	return lowerKeys(fields), ok
}

// mayBeEmpty reports whether the absence of an operation's list means an empty list. Assumed, as a server in Go sends null
// for an empty list. Without machines there is nothing to poll: that must be an error.
func (op Operation) mayBeEmpty() bool { return op == OpSensors || op == OpValues }

// blank reports whether a JSON value says nothing: null, zero, or empty; or an object of such, but for its next_key.
func blank(value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case json.Number, string:
		return unlessZero(plain(v)) == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		for name, inner := range v {
			if !strings.EqualFold(name, "next_key") && !blank(inner) {
				return false
			}
		}
		return true
	}
	return false
}

// findList finds the list in data: data itself, the field of it that has a known name, or the only one that holds a list
// of objects or pairs. The absence of a list is an empty one only where mayBeEmpty says so or a next page follows, and
// where nothing else is there or a field with a known name is null.
func (a *answer) findList(op Operation, data any, l *list) ([]any, error) {
	items, ok := data.([]any)
	mayBeEmpty := op.mayBeEmpty() || l.next != ""
	switch {
	case ok, data == nil && mayBeEmpty:
		l.where = "data"
		return items, nil
	case l.inside == nil:
		return nil, a.errorf("data is %s, not a list of %s", kind(data), op)
	}
	empty := mayBeEmpty && blank(data)
	holders := a.holders(op)
	for i, holder := range holders {
		value, ok := l.inside[holder]
		items, isList := value.([]any)
		null := ok && value == nil && mayBeEmpty
		if isList || null && i == 0 {
			l.where = "data." + holder
			return items, nil
		}
		empty = empty || null
	}
	if len(holders) > 1 { // the user chose none
		for _, name := range slices.Sorted(maps.Keys(l.inside)) {
			list, ok := l.inside[name].([]any)
			switch {
			case ok && len(list) == 0:
				empty = mayBeEmpty
			case ok && !slices.ContainsFunc(list, func(item any) bool { return !isItem(op, item) }):
				items, l.where = list, "data."+name
				l.lists = append(l.lists, a.key.scrubError(l.where))
			}
		}
	}
	switch {
	case len(l.lists) > 1:
		l.where = ""
		return nil, a.errorf("data has several lists that may be the %s: %s; fields.%s in the config chooses one",
			op, cut(strings.Join(l.lists, ", "), maxErrorText), op)
	case len(l.lists) == 0 && !empty:
		return nil, a.errorf("no list of %s found in data; its fields are: %s", op, a.fieldNames(l.inside))
	}
	l.where = cmp.Or(l.where, "data")
	return items, nil
}

func isItem(op Operation, item any) bool {
	_, ok := item.(map[string]any)
	return ok || op == OpValues && isPair(item)
}

// isPair reports whether an item is written as a pair: assumed, as many a time series is written so.
func isPair(item any) bool {
	pair, ok := item.([]any)
	return ok && len(pair) == 2
}

// pairs returns what reads a pair of the page as a reading. The time is at the place where all of the page, or some and none
// at the other, reads as a time. A value may read as one too, such as a counter of 1.5e9: then the first is the time if it
// is within a year of the API's clock and the second never is. All else would be a guess: the user chooses the place.
func (a *answer) pairs(items []any) (func(any) (object, bool), error) {
	place, name := slices.Index([]string{"0", "1"}, a.fields.Time), "t"
	first, second := a.column(items, 0), a.column(items, 1)
	switch {
	case place >= 0:
		name = a.fields.Time
	case first.times > second.times, first.times == 2 && second.times == 2 && first.near && second.far:
		place = 0
	case second.times > first.times:
		place = 1
	case first.times == 0:
		return nil, a.errorf("no pair has a time that can be read")
	default:
		return nil, a.errorf("both places of the pairs read as a time; fields.time in the config chooses one: 0 or 1")
	}
	return func(item any) (object, bool) {
		if !isPair(item) {
			return nil, false
		}
		pair := item.([]any)
		return object{name: pair[place], "v": pair[1-place]}, true
	}, nil
}

// column says how many of one place of the pairs of a page read as times (0: none, 1: some, 2: all), and whether these are all
// near the API's clock or all far from it.
type column struct {
	times     int
	near, far bool
}

func (a *answer) column(items []any, place int) column {
	const year = 366 * 24 * time.Hour
	c := column{near: true, far: true}
	count := map[bool]int{}
	for _, item := range items {
		if !isPair(item) || item.([]any)[place] == nil {
			continue
		}
		at, ok := a.time(item.([]any)[place])
		near := at.Sub(a.clock).Abs() < year
		count[ok]++
		c.near, c.far = c.near && near, c.far && !near
	}
	c.times = min(1, count[true]) * (2 - min(1, count[false]))
	return c
}

// maxNextKey bounds a next_key, in bytes: it must fit into an address.
const maxNextKey = 4 << 10

// nextKey finds next_key: at the top level, else in data, else in the only object at one of these levels that has one
// (assumed). It is a number or null (documented), or text (assumed).
func (a *answer) nextKey(l *list) error {
	value, ok := l.whole["next_key"]
	if !ok {
		value, ok = l.inside["next_key"]
	}
	if !ok {
		var found []string
		for prefix, level := range map[string]object{"": l.whole, "data.": l.inside} {
			for name := range level {
				fields, _ := level[name].(map[string]any)
				if key, ok := lowerKeys(fields)["next_key"]; ok {
					found, value = append(found, prefix+name), key
				}
			}
		}
		slices.Sort(found)
		switch len(found) {
		case 0:
			return nil
		case 1:
			l.nextIn = found[0]
		default:
			return a.errorf("next_key is in several objects: %s", a.key.scrubError(strings.Join(found, ", ")))
		}
	}
	l.nextForm, l.next = kind(value), unlessZero(plain(value))
	switch {
	case !slices.Contains([]string{kind(nil), kind(""), kind(json.Number(""))}, l.nextForm):
		return a.errorf("next_key is %s, neither number, text nor null", l.nextForm)
	case len(l.next) > maxNextKey:
		return a.errorf("next_key has %d bytes; at most %d can be sent", len(l.next), maxNextKey)
	case a.key.in(l.next):
		l.next = ""
		return a.errorf(keyReturned, "next_key")
	}
	return nil
}

// unlessZero takes only a whole zero for the end: a text key such as "0-0" or "-" leads on.
func unlessZero(key string) string {
	number, err := strconv.ParseFloat(strings.TrimSpace(key), 64)
	if strings.TrimSpace(key) == "" || err == nil && number == 0 {
		return ""
	}
	return key
}

// company reads the one company of an account.
func (a *answer) company() (Company, error) {
	l, err := a.companyObject()
	if err != nil {
		return Company{}, err
	}
	s, err := a.sensor(l.objects[0])
	return Company{ID: s.ID, Name: s.Name}, err
}

// companyObject finds the object of the company: data, or what data holds as the field company or as a list of one. A text
// or number alone is the id. Without an error it is a list of one.
func (a *answer) companyObject() (list, error) {
	data, whole, err := a.data()
	l := list{whole: whole}
	if err != nil {
		return l, err
	}
	ids := a.fields.roles(OpCompany)[0]
	for l.where = "data"; ; {
		switch v := data.(type) {
		case []any:
			if len(v) != 1 {
				return l, a.errorf("%d companies where one is expected: the key's own", len(v))
			}
			data = v[0]
		case map[string]any:
			o := lowerKeys(v)
			holder := a.companyHolder(o, ids)
			if holder == "" {
				l.objects = []object{o} // where the id is missing, the error says which fields there are
				return l, nil
			}
			if l.inside == nil {
				l.inside = o
			}
			data, l.where = o[holder], l.where+"."+holder
		case string, json.Number:
			if len(strings.Fields(plain(v))) > 1 {
				return l, a.errorf("the company is a text of several words, neither an object nor an id")
			}
			l.objects = []object{{ids.spellings()[0]: unlessZero(plain(v))}}
			return l, nil
		default:
			return l, a.errorf("the company is %s, neither an object nor an id", kind(v))
		}
	}
}

// companyHolder names the field of an object that holds the company; empty where the object is the company itself. An
// object company counts more than a mere id beside it, which may be the user's.
func (a *answer) companyHolder(o object, ids role) string {
	specific := ids
	specific.known = ids.known[:len(ids.known)-1]
	_, own := o.pick(specific)
	_, hasID := o.pick(ids)
	_, isInside := o["company"].(map[string]any)
	switch {
	case isInside && !own:
		return "company"
	case hasID:
		return ""
	}
	for _, holder := range a.holders(OpCompany) {
		if _, ok := o[holder].([]any); ok {
			return holder
		}
	}
	return ""
}

func (a *answer) machine(o object) (Machine, error) {
	s, err := a.sensor(o)
	return Machine{ID: s.ID, Name: s.Name}, err
}

const (
	maxID       = 1 << 10 // bytes of an id, and of what is taken of a name or unit
	keyReturned = "the API returned the key (%s)"
)

// sensor reads what an object states, also that of a company or machine, which have no unit. One without an id makes the
// whole response an error: a list that silently lacked it would look complete. So does the key in any of its texts: it must
// reach no address, state or label.
func (a *answer) sensor(o object) (Sensor, error) {
	roles := a.fields.roles(a.asked.op)
	value, _ := o.pick(roles[0])
	id := plain(value)
	what := strings.TrimSuffix(roles[0].name, "_id")
	switch {
	case strings.TrimSpace(id) == "":
		return Sensor{}, a.errorf("a %s has no id (%s); its fields are: %s; fields.%s in the config chooses one",
			what, roles[0].candidates(), a.fieldNames(o), roles[0].name)
	case len(id) > maxID:
		return Sensor{}, a.errorf("a %s has an id of %d bytes; at most %d are understood", what, len(id), maxID)
	}
	texts := []string{id, cmp.Or(strings.TrimSpace(cleaned(id, maxID)), id), ""}
	for i, r := range roles {
		for _, field := range r.spellings() {
			text := strings.TrimSpace(cleaned(plain(o[field]), maxID))
			if a.key.in(plain(o[field])) {
				return Sensor{}, a.errorf(keyReturned, r.name)
			}
			if i > 0 && text != "" {
				texts[i] = text
				break
			}
		}
	}
	return Sensor{ID: id, Name: texts[1], Unit: texts[2]}, nil
}

// plain returns text and numbers as written, and nothing for everything else.
func plain(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case json.Number:
		return string(v)
	}
	return ""
}

// readings reads one page of values in the order of the page. An answer in which no reading has a known field for
// its time, or for its value, is an error that says so: skipping all would look like a silent sensor.
func (a *answer) readings(items []object) ([]Reading, error) {
	roles := a.fields.roles(OpValues)
	for _, r := range roles {
		if len(items) > 0 && !slices.ContainsFunc(items, func(o object) bool { _, ok := o.pick(r); return ok }) {
			return nil, a.errorf("no reading has a %s (%s); the fields are: %s; fields.%s in the config chooses one",
				r.name, r.candidates(), a.fieldNames(items[0]), r.name)
		}
	}
	readings := make([]Reading, len(items))
	for i, item := range items {
		stamp, _ := item.pick(roles[0])
		value, _ := item.pick(roles[1])
		at, ok := a.time(stamp)
		if !ok {
			readings[i] = Reading{Text: a.key.scrubError(fmt.Sprint(stamp)), Skip: SkipTime}
			continue
		}
		number, text, why := a.number(value)
		if at.Sub(a.clock) > maxAhead {
			why = SkipFuture
		}
		readings[i] = Reading{Time: at, Value: number, Text: text, Skip: why}
	}
	return readings, nil
}

func (a *answer) time(value any) (time.Time, bool) {
	at, _, ok := readTime(plain(value), a.zone)
	return at, ok
}

// number reads a value: booleans become 1 and 0, numbers in text are parsed.
func (a *answer) number(value any) (float64, string, SkipReason) {
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
			return 0, a.key.scrubError(text), SkipNumber // 1e400, NaN, or nothing
		}
		return 0, a.key.scrubError(text), SkipText // also "E5" and "1.2.3", which the user may map to a number
	}
	return 0, kind(value), SkipNumber
}

// decimal tells 12, -3.5 and 1e6 from the other spellings that Go would take for a number (0x1p4, 1_000, inf).
func decimal(text string) bool {
	return text != "" && strings.Trim(text, "0123456789+-.eE") == "" && strings.ContainsAny(text, "0123456789")
}

func kind(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case string:
		return "text"
	case json.Number:
		return "a number"
	case []any:
		return "a list"
	}
	return "an object"
}
