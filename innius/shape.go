package innius

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// data parses the body and returns what the field data holds, and the whole.
func (r *response) data() (any, object, error) {
	if r.status == http.StatusNoContent {
		return nil, nil, nil // of a list that may be empty, or check had refused it
	}
	top, err := r.parse()
	if err != nil {
		return nil, nil, err
	}
	fields, ok := top.(map[string]any)
	if !ok {
		return nil, nil, r.errorf("the top level is %s, not an object with the field data", kind(top))
	}
	whole := lowerKeys(fields)
	data, ok := whole["data"]
	if !ok && !(r.request.op.mayBeEmpty() && blank(top)) {
		return nil, whole, r.errorf("no field data; the fields are: %s", r.fieldNames(whole))
	}
	return data, whole, nil
}

// list is one page of a list, and where in the response it was.
type list struct {
	objects  []object
	next     string // start_key of the next page; empty at the end
	nextForm string // what next_key is: "a number", "text", "null"; empty where there is none
	nextIn   string // the object that holds next_key, such as "paging"; empty: the top level, or data
	where    string // "data", or "data." and the field of it
	inside   object // data, where it is an object
	whole    object // the top level
}

// list finds the list that was requested; of a company, a list of one. With an error it returns what was found before that.
func (r *response) list() (list, error) {
	op := r.request.op
	if op == OpCompany {
		return r.companyObject()
	}
	data, whole, err := r.data()
	l := list{whole: whole}
	if err != nil {
		return l, err
	}
	fields, _ := data.(map[string]any)
	l.inside = lowerKeys(fields)
	if err := r.nextKey(&l); err != nil {
		return l, err
	}
	items, err := r.findList(data, &l)
	if err != nil {
		return l, err
	}
	if op == OpValues && len(items) > 0 && isPair(items[0]) {
		l.objects, err = r.pairs(items)
		return l, err
	}
	for i, item := range items {
		o, ok := objectOf(item)
		if !ok {
			return l, r.errorf("%s[%d] is %s, not an object", op, i, kind(item))
		}
		l.objects = append(l.objects, o)
	}
	return l, nil
}

// findList finds the list in data: data itself, the field of it that has a known name, or the only one that holds a list
// of objects or pairs. The absence of a list is an empty one only where mayBeEmpty permits it or a next page follows, and
// where nothing else is there or a field with a known name is null.
func (r *response) findList(data any, l *list) ([]any, error) {
	op := r.request.op
	items, ok := data.([]any)
	mayBeEmpty := op.mayBeEmpty() || l.next != ""
	switch {
	case ok, data == nil && mayBeEmpty:
		l.where = "data"
		return items, nil
	case l.inside == nil:
		return nil, r.errorf("data is %s, not a list of %s", kind(data), op)
	}
	empty := mayBeEmpty && blank(data)
	holders := r.holders()
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
	var found []string
	if len(holders) > 1 { // the user chose none
		for _, name := range slices.Sorted(maps.Keys(l.inside)) {
			list, ok := l.inside[name].([]any)
			switch {
			case ok && len(list) == 0:
				empty = mayBeEmpty
			case ok && !slices.ContainsFunc(list, func(item any) bool { return !isItem(op, item) }):
				items, l.where = list, "data."+name
				found = append(found, r.key.redactError(l.where))
			}
		}
	}
	switch {
	case len(found) > 1:
		l.where = ""
		return nil, r.errorf("data has several lists that may be the %s: %s; fields.%s in the config chooses one",
			op, cut(strings.Join(found, ", "), maxErrorText), op)
	case len(found) == 0 && !empty:
		return nil, r.errorf("no list of %s found in data; its fields are: %s", op, r.fieldNames(l.inside))
	}
	l.where = cmp.Or(l.where, "data")
	return items, nil
}

// mayBeEmpty reports whether the absence of an operation's list means an empty list. Assumed, as a server in Go sends null
// for an empty list. Without machines there is nothing to poll: that must be an error.
func (op Operation) mayBeEmpty() bool { return op == OpSensors || op == OpValues }

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

func objectOf(item any) (object, bool) {
	fields, ok := item.(map[string]any)
	return lowerKeys(fields), ok
}

// maxNextKey bounds a next_key, in bytes: it must fit into an address.
const maxNextKey = 4 << 10

// nextKey finds next_key: at the top level, else in data, else in the only object at one of these levels that has one
// (assumed). One that leads on counts before one that ends the list, or the rest of the list would be lost unnoticed. It is
// a number or null (documented), or text (assumed).
func (r *response) nextKey(l *list) error {
	value, found := l.whole["next_key"]
	if own, ok := l.inside["next_key"]; ok && blank(value) {
		value, found = own, true
	}
	in := object{}
	for prefix, level := range map[string]object{"": l.whole, "data.": l.inside} {
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
		return r.errorf("next_key is in several objects: %s", r.fieldNames(in))
	case len(names) == 1:
		l.nextIn, value = names[0], in[names[0]]
	case !found:
		return nil
	}
	l.nextForm, l.next = kind(value), unlessZero(plain(value))
	switch {
	case !slices.Contains([]string{"null", "text", "a number"}, l.nextForm):
		return r.errorf("next_key is %s, neither number, text nor null", l.nextForm)
	case len(l.next) > maxNextKey:
		return r.errorf("next_key has %d bytes; at most %d can be sent", len(l.next), maxNextKey)
	case r.key.in(l.next):
		l.next = ""
		return r.errorf(keyReturned, "next_key")
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

// companyObject finds the object of the company: data, or what data holds as the field company or as a list of one. A text
// or number alone is the id. Without an error it is a list of one; several are an error, with all of them.
func (r *response) companyObject() (list, error) {
	data, whole, err := r.data()
	l := list{whole: whole}
	if err != nil {
		return l, err
	}
	for l.where = "data"; ; {
		if items, ok := data.([]any); ok && len(items) == 1 {
			data = items[0]
		}
		o, _ := objectOf(data)
		holder := r.companyHolder(o)
		if holder == "" {
			break
		}
		if l.inside == nil {
			l.inside = o
		}
		data, l.where = o[holder], l.where+"."+holder
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
			return l, r.errorf("the company is %s, neither an object nor an id", kind(company))
		case len(strings.Fields(text)) > 1:
			return l, r.errorf("the company is a text of several words, neither an object nor an id")
		default:
			o = object{r.fields.roles(OpCompany)[0].spellings()[0]: unlessZero(text)}
		}
		l.objects = append(l.objects, o) // where the id is missing, the error names the fields
	}
	if len(companies) != 1 {
		return l, r.errorf("%d companies where one is expected: the key's own", len(companies))
	}
	return l, nil
}

// companyHolder names the field of an object that holds the company; empty where the object is the company itself. An
// object company counts more than a mere id next to it, which may be the user's.
func (r *response) companyHolder(o object) string {
	id := r.fields.roles(OpCompany)[0]
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
	for _, holder := range r.holders() {
		if _, ok := o[holder].([]any); ok {
			return holder
		}
	}
	return ""
}

// pairs reads the pairs of a page as readings with the fields t and v. The time is at the place where more of the page reads
// as a time. A value may read as one too, such as a counter of 1.5e9: then the first is the time if it is within a year of the
// API's clock and the second never is, and the second only if it is. All else would be a guess: the user chooses the place.
func (r *response) pairs(items []any) ([]object, error) {
	for i, item := range items {
		if !isPair(item) {
			return nil, r.errorf("values[%d] is %s, not a pair", i, kind(item))
		}
	}
	place, name := slices.Index([]string{"0", "1"}, r.fields.Time), "t"
	first, second := r.column(items, 0), r.column(items, 1)
	switch {
	case place >= 0:
		name = r.fields.Time
	case first.times > second.times, first.times > 0 && first.near && second.far:
		place = 0
	case second.times > first.times && (first.times == 0 || second.near):
		place = 1
	case first.times+second.times == 0:
		return nil, r.errorf("no pair has a time that can be read")
	default:
		return nil, r.errorf("both places of the pairs read as a time; fields.time in the config chooses one: 0 or 1")
	}
	objects := make([]object, len(items))
	for i, item := range items {
		pair := item.([]any)
		objects[i] = object{name: pair[place], "v": pair[1-place]}
	}
	return objects, nil
}

// column is how much of one place of the pairs of a page reads as times (0: nothing, 1: some, 2: all), and whether these are
// all near the API's clock or all far from it.
type column struct {
	times     int
	near, far bool
}

func (r *response) column(items []any, place int) column {
	const year = 366 * 24 * time.Hour
	c, others := column{near: true, far: true}, false
	for _, item := range items {
		value := item.([]any)[place]
		at, ok := r.time(value)
		near := at.Sub(r.clock).Abs() < year
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
