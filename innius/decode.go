package innius

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// parse reads the body as JSON, within the bounds of a response.
func (a *response) parse() (any, error) {
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
	return nil, a.errorf("no JSON: %s: %s", a.key.redactError(err.Error()), a.notJSON())
}

// company reads the one company of an account.
func (a *response) company() (Company, error) {
	l, err := a.companyObject()
	if err != nil {
		return Company{}, err
	}
	s, err := a.sensor(l.objects[0])
	return Company{ID: s.ID, Name: s.Name}, err
}

func (a *response) machine(o object) (Machine, error) {
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
func (a *response) sensor(o object) (Sensor, error) {
	roles := a.fields.roles(a.request.op)
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
	texts := []string{id, cmp.Or(label(id), id), ""}
	for i, r := range roles {
		taken, _ := o.taken(r)
		for _, field := range r.spellings() {
			if a.key.in(plain(o[field])) {
				return Sensor{}, a.errorf(keyReturned, r.name)
			}
			if i > 0 && field == taken {
				texts[i] = label(o[field])
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
