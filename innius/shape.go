package innius

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// data parses the body and returns what the field data holds.
func (p *list) data() (any, error) {
	if p.status == http.StatusNoContent {
		return nil, nil // of a list that may be empty, or check had refused it
	}
	top, err := p.parse()
	if err != nil {
		return nil, err
	}
	fields, ok := top.(map[string]any)
	if !ok {
		return nil, p.errorf("the top level is %s, not an object with the field data", kind(top))
	}
	p.whole = lowerKeys(fields)
	data, ok := p.whole["data"]
	if !ok && !(p.request.op.mayBeEmpty() && blank(top)) {
		return nil, p.errorf("no field data; the fields are: %s", p.fieldNames(p.whole))
	}
	return data, nil
}

// list is one page of a list, and where in the response it was.
type list struct {
	*response
	objects  []object
	next     string // start_key of the next page; empty at the end
	nextForm string // what next_key is: "a number", "text", "null"; empty where there is none
	nextIn   string // the object that holds next_key, such as "paging"; empty: the top level, or data
	where    string // "data", or "data." and the field of it
	inside   object // data, where it is an object
	whole    object // the top level
}

// readList finds the list that was requested; of a company, a list of one. With an error it returns what was found before that.
func readList(r *response) (list, error) {
	p := list{response: r}
	find := p.findItems
	if r.request.op == OpCompany {
		find = p.findCompany
	}
	err := find()
	if err == nil {
		err = p.ofAnother()
	}
	return p, err
}

// ofAnother returns an error if a machine or sensor that was not requested is named in the list, or around it.
func (p *list) ofAnother() error {
	levels := append([]object{p.whole}, p.objects...)
	for _, outer := range []object{p.whole, p.inside} {
		for _, name := range slices.Sorted(maps.Keys(outer)) {
			if fields, ok := objectOf(outer[name]); ok {
				levels = append(levels, fields)
			}
		}
	}
	for _, owner := range p.fields.owners(p.request) {
		for _, level := range levels {
			id := strings.TrimSpace(plain(level.pick(owner.role)))
			if id == "" || strings.EqualFold(id, strings.TrimSpace(owner.id)) {
				continue
			}
			what := strings.TrimSuffix(owner.name, "_id")
			return &ResponseError{Status: p.status, OfAnother: true, Detail: fmt.Sprintf("the response is of the %s %s, not of %s as "+
				"requested: a cache on the way may ignore the path, or the path in endpoints.%s is wrong; if both ids are of one %[1]s, set "+
				"fields.%[5]s to the field of the list that holds its id",
				what, quotedID(p.key.redactError(id)), quotedID(owner.id), p.request.op, owner.name)}
		}
	}
	return nil
}

// findItems finds the machines, sensors or values.
func (p *list) findItems() error {
	op := p.request.op
	data, err := p.data()
	if err != nil {
		return err
	}
	fields, _ := data.(map[string]any)
	p.inside = lowerKeys(fields)
	if err := p.nextKey(); err != nil {
		return err
	}
	items, err := p.findList(data)
	if err != nil {
		return err
	}
	if op == OpValues && len(items) > 0 && isPair(items[0]) {
		return p.pairs(items)
	}
	for i, item := range items {
		o, ok := objectOf(item)
		if !ok {
			return p.errorf("%s[%d] is %s, not an object", op, i, kind(item))
		}
		p.objects = append(p.objects, o)
	}
	return nil
}

// findList finds the list in data: data itself, the field of it that has a known name, or the only one that holds a list
// of objects or pairs. The absence of a list is an empty one only where mayBeEmpty permits it or a next page follows, and
// where nothing else is there or a field with a known name is null.
func (p *list) findList(data any) ([]any, error) {
	op := p.request.op
	items, ok := data.([]any)
	mayBeEmpty := op.mayBeEmpty() || p.next != ""
	switch {
	case ok, data == nil && mayBeEmpty:
		p.where = "data"
		return items, nil
	case p.inside == nil:
		return nil, p.errorf("data is %s, not a list of %s", kind(data), op)
	}
	empty := mayBeEmpty && blank(data)
	holders := p.holders()
	for i, holder := range holders {
		value, ok := p.inside[holder]
		items, isList := value.([]any)
		null := ok && value == nil && mayBeEmpty
		if isList || null && i == 0 {
			p.where = "data." + holder
			return items, nil
		}
		empty = empty || null
	}
	var found []string
	if len(holders) > 1 { // the user chose none
		for _, name := range slices.Sorted(maps.Keys(p.inside)) {
			list, ok := p.inside[name].([]any)
			switch {
			case ok && len(list) == 0:
				empty = mayBeEmpty
			case ok && !slices.ContainsFunc(list, func(item any) bool { return !isItem(op, item) }):
				items, p.where = list, "data."+name
				found = append(found, p.key.redactError(p.where))
			}
		}
	}
	switch {
	case len(found) > 1:
		p.where = ""
		return nil, p.errorf("data has several lists that may be the %s: %s; fields.%s in the config chooses one",
			op, cut(strings.Join(found, ", "), maxErrorText), op)
	case len(found) == 0 && !empty:
		return nil, p.errorf("no list of %s found in data; its fields are: %s", op, p.fieldNames(p.inside))
	}
	p.where = cmp.Or(p.where, "data")
	return items, nil
}

// holders are the fields of data that may hold the list: the one that the user chose, or else the known ones, most
// specific first.
func (p *list) holders() []string {
	op := p.request.op
	chosen := map[Operation]string{OpMachines: p.fields.Machines, OpSensors: p.fields.Sensors, OpValues: p.fields.Values}[op]
	if chosen != "" {
		return []string{strings.ToLower(chosen)}
	}
	return []string{string(op), "machines", "sensors", "values", "items", "results", "data"}
}

// blank reports whether a JSON value holds no data: null, zero, or empty; or an object of such, but for its next_key.
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

func isItem(op Operation, item any) bool {
	_, ok := item.(map[string]any)
	return ok || op == OpValues && isPair(item)
}

// isPair reports whether an item is written as a pair: assumed, as many a time series is written so.
func isPair(item any) bool {
	pair, ok := item.([]any)
	return ok && len(pair) == 2
}

// nextKey finds next_key: at the top level, else in data, else in the only object at one of these levels that has one
// (assumed). One that leads on counts before one that ends the list, or the rest of the list would be lost unnoticed. It is
// a number or null (documented), or text (assumed).
func (p *list) nextKey() error {
	value, found := p.whole["next_key"]
	if own, ok := p.inside["next_key"]; ok && blank(value) {
		value, found = own, true
	}
	in := object{}
	for prefix, level := range map[string]object{"": p.whole, "data.": p.inside} {
		for name := range level {
			fields, _ := level[name].(map[string]any)
			key, ok := lowerKeys(fields)["next_key"]
			if ok && prefix+name != "data" && (!found || blank(value) && !blank(key)) {
				in[prefix+name] = key
			}
		}
	}
	switch names := slices.Collect(maps.Keys(in)); {
	case len(names) > 1:
		return p.errorf("next_key is in several objects: %s", p.fieldNames(in))
	case len(names) == 1:
		p.nextIn, value = names[0], in[names[0]]
	case !found:
		return nil
	}
	p.nextForm, p.next = kind(value), unlessZero(plain(value))
	switch {
	case !slices.Contains([]string{"null", "text", "a number"}, p.nextForm):
		return p.errorf("next_key is %s, neither number, text nor null", p.nextForm)
	case len(p.next) > maxID:
		return p.errorf("next_key has %d bytes; at most %d are understood", len(p.next), maxID)
	case p.key.In(p.next):
		p.next = ""
		return p.errorf(keyReturned, "next_key")
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

// findCompany finds the object of the company: data, or what data holds as the field company or as a list of one. A text
// or number alone is the id. Without an error it is a list of one; several are an error, with all of them.
func (p *list) findCompany() error {
	data, err := p.data()
	if err != nil {
		return err
	}
	for p.where = "data"; ; {
		if items, ok := data.([]any); ok && len(items) == 1 {
			data = items[0]
		}
		o, _ := objectOf(data)
		holder := p.companyHolder(o)
		if holder == "" {
			break
		}
		if p.inside == nil {
			p.inside = o
		}
		data, p.where = o[holder], p.where+"."+holder
	}
	companies, isList := data.([]any)
	if !isList {
		companies = []any{data}
	}
	for _, company := range companies {
		o, ok := objectOf(company)
		switch text := plain(company); {
		case ok:
		case text == "":
			return p.errorf("the company is %s, neither an object nor an id", kind(company))
		case len(strings.Fields(text)) > 1:
			return p.errorf("the company is a text of several words, neither an object nor an id")
		default:
			o = object{p.fields.roles(OpCompany)[0].spellings()[0]: unlessZero(text)}
		}
		p.objects = append(p.objects, o) // where the id is missing, the error names the fields
	}
	if len(companies) != 1 {
		return p.errorf("%d companies where one is expected: the key's own", len(companies))
	}
	return nil
}

// companyHolder names the field of an object that holds the company; empty where the object is the company itself. An
// object company counts more than a mere id next to it, which may be the user's.
func (p *list) companyHolder(o object) string {
	id := p.fields.roles(OpCompany)[0]
	_, hasID := o.taken(id)
	id.known = id.known[:len(id.known)-1] // not the mere id
	_, hasOwnID := o.taken(id)
	_, isInside := o["company"].(map[string]any)
	switch {
	case isInside && !hasOwnID:
		return "company"
	case hasID:
		return ""
	}
	for _, holder := range p.holders() {
		if _, ok := o[holder].([]any); ok {
			return holder
		}
	}
	return ""
}

// pairs reads the pairs of a page as readings with the fields t and v. The time is at the place where more of the page reads
// as a time. A value may read as one too, such as a counter of 1.5e9: then the first is the time if it is within a year of the
// API's clock and the second never is, and the second only if it is. All else would be a guess: the user chooses the place.
func (p *list) pairs(items []any) error {
	for i, item := range items {
		if !isPair(item) {
			return p.errorf("values[%d] is %s, not a pair", i, kind(item))
		}
	}
	place, name := slices.Index([]string{"0", "1"}, p.fields.Time), "t"
	first, second := p.column(items, 0), p.column(items, 1)
	switch {
	case place >= 0:
		name = p.fields.Time
	case first.times > second.times, first.times > 0 && first.near && second.far:
		place = 0
	case second.times > first.times && (first.times == 0 || second.near):
		place = 1
	case first.times+second.times == 0:
		return p.errorf("no pair has a time that can be read")
	default:
		return p.errorf("both places of the pairs read as a time; fields.time in the config chooses one: 0 or 1")
	}
	p.objects = make([]object, len(items))
	for i, item := range items {
		pair := item.([]any)
		p.objects[i] = object{name: pair[place], "v": pair[1-place]}
	}
	return nil
}

// column is how much of one place of the pairs of a page reads as times (0: nothing, 1: some, 2: all), and whether these are
// all near the API's clock or all far from it.
type column struct {
	times     int
	near, far bool
}

func (p *list) column(items []any, place int) column {
	const year = 366 * 24 * time.Hour
	c, others := column{near: true, far: true}, false
	for _, item := range items {
		value := item.([]any)[place]
		at, ok := p.time(value)
		near := at.Sub(p.clock).Abs() < year
		if ok {
			c.times, c.near, c.far = 2, c.near && near, c.far && !near
		}
		others = others || !ok && value != nil
	}
	if others {
		c.times = min(1, c.times)
	}
	return c
}

const keyReturned = "the API returned the key (%s)"

// items reads what the objects of a list state: companies, machines or sensors, of which only sensors have a unit.
func (p *list) items() ([]Sensor, error) {
	items := make([]Sensor, len(p.objects))
	for i, o := range p.objects {
		var err error
		if items[i], err = p.item(o); err != nil {
			return nil, err
		}
	}
	return items, nil
}

// item reads one object. One without an id makes the whole response an error: a list that silently lacked it would look
// complete. So does the key in any of its texts: it must reach no address, state or label.
func (p *list) item(o object) (Sensor, error) {
	roles := p.fields.roles(p.request.op)
	id, what := plain(o.pick(roles[0])), strings.TrimSuffix(roles[0].name, "_id")
	switch {
	case strings.TrimSpace(id) == "":
		return Sensor{}, p.errorf("a %s has no id (%s); its fields are: %s; fields.%s in the config chooses one",
			what, roles[0].candidates(), p.fieldNames(o), roles[0].name)
	case len(id) > maxID:
		return Sensor{}, p.errorf("a %s has an id of %d bytes; at most %d are understood", what, len(id), maxID)
	}
	var labels [3]string
	for i, role := range roles {
		value := o.pick(role)
		if p.key.In(plain(value)) {
			return Sensor{}, p.errorf(keyReturned, role.name)
		}
		if labels[i] = label(value); i > 0 && p.key.held(labels[i], leastPart) { // an id must stay as it is
			labels[i] = p.key.redact(labels[i])
		}
	}
	return Sensor{ID: id, Name: cmp.Or(labels[1], labels[0], id), Unit: labels[2]}, nil
}
