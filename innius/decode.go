package innius

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"
)

// parse reads the body as JSON, within the bounds of a response.
func (r *response) parse() (any, error) {
	decoding.Lock()
	defer decoding.Unlock()
	body := bytes.TrimSpace(r.body)
	if len(body) == 0 || body[0] == '<' {
		return nil, r.errorf("no JSON: %s", r.notJSON())
	}
	if err := r.bounded(); err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(r.body))
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
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF):
		return nil, r.errorf("the JSON is cut off after %d bytes", len(r.body))
	}
	return nil, r.errorf("no JSON: %s: %s", r.key.redactError(err.Error()), r.notJSON())
}

const (
	maxID       = 1 << 10 // bytes of an id, and of what is taken of a name or unit
	keyReturned = "the API returned the key (%s)"
)

// items reads what the objects of a list state: companies, machines or sensors, of which only sensors have a unit.
func (r *response) items(objects []object) ([]Sensor, error) {
	items := make([]Sensor, len(objects))
	for i, o := range objects {
		var err error
		if items[i], err = r.item(o); err != nil {
			return nil, err
		}
	}
	return items, nil
}

// item reads one object. One without an id makes the whole response an error: a list that silently lacked it would look
// complete. So does the key in any of its texts: it must reach no address, state or label.
func (r *response) item(o object) (Sensor, error) {
	roles := r.fields.roles(r.request.op)
	id, what := plain(o.pick(roles[0])), strings.TrimSuffix(roles[0].name, "_id")
	switch {
	case strings.TrimSpace(id) == "":
		return Sensor{}, r.errorf("a %s has no id (%s); its fields are: %s; fields.%s in the config chooses one",
			what, roles[0].candidates(), r.fieldNames(o), roles[0].name)
	case len(id) > maxID:
		return Sensor{}, r.errorf("a %s has an id of %d bytes; at most %d are understood", what, len(id), maxID)
	}
	var labels [3]string
	for i, role := range roles {
		value := o.pick(role)
		if r.key.in(plain(value)) {
			return Sensor{}, r.errorf(keyReturned, role.name)
		}
		labels[i] = label(value)
	}
	return Sensor{ID: id, Name: cmp.Or(labels[1], labels[0], id), Unit: labels[2]}, nil
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

// Bounds of a response: what it takes to read it is a multiple of its size. A page of 10,000 readings with ten fields each is
// within them.
const (
	maxBody    = 4 << 20   // bytes after decompression
	maxFailure = 256 << 10 // the same, of a response with another status than 200
	maxDepth   = 32        // lists and objects inside each other
	maxFields  = 1000      // of one object
	maxValues  = 250_000   // JSON values, an object counted as objectCost
	// An object takes as much memory as so many numbers.
	objectCost = 8
)

// decoding is held while a body is decoded, which takes the most memory: one at a time in a process.
var decoding sync.Mutex

// bounded looks at the size of a JSON text before it is decoded. Whether it is JSON is not its matter.
func (r *response) bounded() error {
	var fields [maxDepth + 1]int // of the object at each depth
	values, depth, quoted := 0, 0, false
	for i := 0; i < len(r.body); i++ {
		switch c := r.body[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			values++
			if c == '{' {
				values += objectCost - 1
			}
			if depth++; depth > maxDepth {
				return r.errorf("the JSON is nested more than %d levels deep", maxDepth)
			}
			fields[depth] = 0
		case c == '}' || c == ']':
			depth = max(0, depth-1)
		case c == ',':
			values++
		case c == ':':
			fields[depth]++
		}
		switch {
		case values > maxValues:
			return r.errorf("the JSON holds too many values: lower page_size or lookback")
		case fields[depth] > maxFields:
			return r.errorf("an object in the JSON has more than %d fields", maxFields)
		}
	}
	return nil
}
