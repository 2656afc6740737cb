package innius

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// This file is the one place that knows how the API spells things. Documented: results stand in the field data,
// next_key continues a list, readings are {"t", "v"}, machines carry machineid, sensors id and name. Everything else
// here is assumed, most specific spelling first; names match case-insensitively.
var (
	companyIDs = []string{"company_id", "companyid", "domain", "id"}
	machineIDs = []string{"machine_id", "machineid", "id"}
	sensorIDs  = []string{"sensor_id", "sensorid", "id"}
	names      = []string{"name"}
	// A machine without a name is better known by its description than by its id.
	machineNames = []string{"name", "description"}
	units        = []string{"unit", "unit_of_measure", "uom"}
	times        = []string{"timestamp", "time", "t"}
	values       = []string{"value", "v"}
	// holders are the fields of data that may hold the list; an operation's own name goes first.
	holders = []string{"machines", "sensors", "values", "items", "results", "data"}
)

// role is a fact that an item of an answer states: its name in the config under fields, and how it may be spelled.
type role struct {
	name, chosen string
	known        []string
	spare        bool // a later spelling is for where the first is blank, not another name of the same fact
}

// roles lists the facts that an operation's answer states.
func (f Fields) roles(op Operation) []role {
	switch op {
	case OpCompany:
		return []role{{"company_id", f.CompanyID, companyIDs, false}, {"company_name", f.CompanyName, names, true}}
	case OpMachines:
		return []role{{"machine_id", f.MachineID, machineIDs, false}, {"machine_name", f.MachineName, machineNames, true}}
	case OpSensors:
		return []role{
			{"sensor_id", f.SensorID, sensorIDs, false}, {"sensor_name", f.SensorName, names, true}, {"unit", f.Unit, units, false},
		}
	}
	return []role{{"time", f.Time, times, false}, {"value", f.Value, values, false}}
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
func spellings(chosen string, known []string) []string {
	if chosen != "" {
		return []string{strings.ToLower(chosen)}
	}
	return known
}

// pick returns the first field present.
func (o object) pick(chosen string, known []string) (any, bool) {
	for _, name := range spellings(chosen, known) {
		if value, ok := o[name]; ok {
			return value, true
		}
	}
	return nil, false
}

// candidates lists the names that pick looks for.
func candidates(chosen string, known []string) string {
	if chosen != "" {
		return chosen
	}
	return strings.Join(known, ", ")
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
	if !ok {
		return nil, nil, a.errorf("no field data; the fields are: %s", a.fieldNames(whole))
	}
	return data, whole, nil
}

func (a *answer) parse() (any, error) {
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
	next     string // start_key of the next page; empty at the end
	nextForm string // what next_key is: "a number", "text", "null"; empty where there is none
	where    string // "data", or "data." and the field of it
	inside   object // data, where it is an object
	whole    object // the top level
}

// list finds the list in data: data itself, or the field of data that holds it. Beside an error it says what was found
// before that.
func (a *answer) list(op Operation) (list, error) {
	data, whole, err := a.data()
	l := list{whole: whole}
	if err != nil {
		return l, err
	}
	items, err := a.findList(op, data, &l)
	if err != nil {
		return l, err
	}
	if l.next, l.nextForm, err = a.nextKey(whole, l.inside); err != nil {
		return l, err
	}
	l.objects = make([]object, len(items))
	read, wanted := objectOf, "an object"
	if op == OpValues && len(items) > 0 && isPair(items[0]) {
		read, wanted = pairOf, "a pair"
	}
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

// isPair reports whether an item is a reading written as [time, value]: assumed, as many a time series is written so.
// Two times are none, for which of them is the value would be a guess.
func isPair(item any) bool {
	pair, ok := item.([]any)
	if !ok || len(pair) != 2 {
		return false
	}
	_, first := parseTime(plain(pair[0]))
	_, second := parseTime(plain(pair[1]))
	return first && !second
}

func pairOf(item any) (object, bool) {
	pair, ok := item.([]any)
	if !ok || len(pair) != 2 {
		return nil, false
	}
	return object{"t": pair[0], "v": pair[1]}, true
}

// findList never takes the absence of a list for an empty one: that would look like everything had been deleted.
func (a *answer) findList(op Operation, data any, l *list) ([]any, error) {
	if items, ok := data.([]any); ok {
		l.where = "data"
		return items, nil
	}
	fields, ok := data.(map[string]any)
	if !ok {
		return nil, a.errorf("data is %s, not a list of %s", kind(data), op)
	}
	l.inside = lowerKeys(fields)
	for _, holder := range a.holders(op) {
		if items, ok := l.inside[holder].([]any); ok {
			l.where = "data." + holder
			return items, nil
		}
	}
	return nil, a.errorf("no list of %s found in data; its fields are: %s", op, a.fieldNames(l.inside))
}

// holders are the fields of data that may hold the list, most specific first; last the id of the object that the list
// is of, as in {"data": {"<id of the sensor>": [...]}}: assumed, and safe, for it is the id that was asked for.
func (a *answer) holders(op Operation) []string {
	own := append([]string{string(op)}, holders...)
	if id := a.asked.parent(); id != "" {
		own = append(own, strings.ToLower(id))
	}
	return own
}

// nextKey returns the key of the next page, as written; empty where there is none; and what it is. The top level goes
// before data.
func (a *answer) nextKey(levels ...object) (key, form string, err error) {
	for _, level := range levels {
		value, ok := level["next_key"]
		if !ok {
			continue
		}
		switch key := value.(type) {
		case nil:
			return "", kind(value), nil
		case json.Number:
			return unlessZero(string(key)), kind(value), nil
		case string:
			return unlessZero(key), kind(value), nil
		default:
			return "", kind(value), a.errorf("next_key is %s, neither number, text nor null", kind(value))
		}
	}
	return "", "", nil
}

// unlessZero takes only a whole zero for the end: a text key such as "0-0" or "-" leads on.
func unlessZero(key string) string {
	number, err := strconv.ParseFloat(strings.TrimSpace(key), 64)
	if strings.TrimSpace(key) == "" || err == nil && number == 0 {
		return ""
	}
	return key
}

// company reads the one company of an account: an object, a list of one, or an object that holds such a list.
func (a *answer) company() (Company, error) {
	l, err := a.companyObject()
	if err != nil {
		return Company{}, err
	}
	o := l.objects[0]
	id, err := a.id(o, "company", a.fields.CompanyID, companyIDs)
	if err != nil {
		return Company{}, err
	}
	return Company{ID: id, Name: a.name(o, a.fields.CompanyName, names, id)}, nil
}

// companyObject finds the object of the company; without an error it is a list of one.
func (a *answer) companyObject() (list, error) {
	data, whole, err := a.data()
	l := list{whole: whole}
	if err != nil {
		return l, err
	}
	if fields, ok := data.(map[string]any); ok {
		o := lowerKeys(fields)
		if _, ok := o.pick(a.fields.CompanyID, companyIDs); ok || !a.holdsList(o) {
			l.where, l.objects = "data", []object{o} // where the id is missing, the error says which fields there are
			return l, nil
		}
	}
	items, err := a.findList(OpCompany, data, &l)
	if err != nil {
		return l, err
	}
	if len(items) != 1 {
		return l, a.errorf("%d companies where one is expected: the key's own", len(items))
	}
	o, ok := objectOf(items[0])
	if !ok {
		return l, a.errorf("the company is %s, not an object", kind(items[0]))
	}
	l.objects = []object{o}
	return l, nil
}

func (a *answer) holdsList(o object) bool {
	return slices.ContainsFunc(a.holders(OpCompany), func(holder string) bool {
		_, ok := o[holder].([]any)
		return ok
	})
}

func (a *answer) machine(o object) (Machine, error) {
	id, err := a.id(o, "machine", a.fields.MachineID, machineIDs)
	return Machine{ID: id, Name: a.name(o, a.fields.MachineName, machineNames, id)}, err
}

func (a *answer) sensor(o object) (Sensor, error) {
	id, err := a.id(o, "sensor", a.fields.SensorID, sensorIDs)
	return Sensor{ID: id, Name: a.name(o, a.fields.SensorName, names, id), Unit: a.name(o, a.fields.Unit, units, "")}, err
}

// id returns an object's id. An object without one makes its whole answer an error: a list that silently lacked it
// would look complete.
func (a *answer) id(o object, what, chosen string, known []string) (string, error) {
	value, _ := o.pick(chosen, known)
	id := plain(value)
	if strings.TrimSpace(id) == "" {
		return "", a.errorf("a %s has no id (%s); its fields are: %s; fields.%s_id in the config chooses one",
			what, candidates(chosen, known), a.fieldNames(o), what)
	}
	if a.key.in(id) {
		return "", a.errorf("the id of a %s holds the key", what)
	}
	return id, nil
}

// name returns the first field that is not blank.
func (a *answer) name(o object, chosen string, known []string, fallback string) string {
	for _, field := range spellings(chosen, known) {
		if text := strings.TrimSpace(a.key.scrub(plain(o[field]))); text != "" {
			return text
		}
	}
	return fallback
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
	for _, f := range []struct {
		what, chosen string
		known        []string
	}{{"time", a.fields.Time, times}, {"value", a.fields.Value, values}} {
		if len(items) > 0 && !slices.ContainsFunc(items, func(o object) bool { _, ok := o.pick(f.chosen, f.known); return ok }) {
			return nil, a.errorf("no reading has a %s (%s); the fields are: %s; fields.%s in the config chooses one",
				f.what, candidates(f.chosen, f.known), a.fieldNames(items[0]), f.what)
		}
	}
	readings := make([]Reading, len(items))
	for i, item := range items {
		readings[i] = a.reading(item)
	}
	return readings, nil
}

func (a *answer) reading(o object) Reading {
	stamp, _ := o.pick(a.fields.Time, times)
	value, _ := o.pick(a.fields.Value, values)
	at, ok := parseTime(plain(stamp))
	if !ok {
		return Reading{Text: a.key.scrubError(fmt.Sprint(stamp)), Skip: SkipTime}
	}
	r := Reading{Time: at}
	r.Value, r.Text, r.Skip = a.number(value)
	if at.Sub(a.clock) > maxAhead {
		r.Skip = SkipFuture
	}
	return r
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
