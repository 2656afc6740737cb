package innius

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// This file is the one place that knows how the API spells things, shape.go the one that knows where they are. Documented:
// results are in the field data, next_key continues a list, readings are {"t", "v"}, machines carry machineid, sensors id and
// name. Everything else here is assumed, most specific spelling first; names match case-insensitively.

// Fields chooses the field that holds a fact where a response is ambiguous or has a spelling that is not known here. Names
// match case-insensitively. An empty name means: the first of the known spellings that is present.
type Fields struct {
	CompanyID, CompanyName string
	MachineID, MachineName string
	SensorID, SensorName   string
	Unit                   string // of a sensor
	Time, Value            string // of a reading; Time "0" or "1" is the place of the time in readings that are pairs

	Machines, Sensors, Values string // the field of data that holds the list of machines, of sensors, of values
	TimeZone                  string // IANA name of the zone of times written without one; empty: such a time is unreadable
}

// role is a fact that an item of a response states: its name in the config under fields, and how it may be spelled.
type role struct {
	name, chosen string
	known        []string
}

// isName reports whether a later spelling is for where the first is blank, not another name of the same fact.
func (r role) isName() bool { return strings.HasSuffix(r.name, "_name") }

// roles lists the facts that an item of an operation's response states: its id or time first, then its name or value.
func (f Fields) roles(op Operation) []role {
	switch op {
	case OpCompany:
		return []role{
			{"company_id", f.CompanyID, []string{"company_id", "companyid", "domain", "id"}},
			{"company_name", f.CompanyName, []string{"name"}},
		}
	case OpMachines:
		return []role{
			{"machine_id", f.MachineID, []string{"machine_id", "machineid", "id"}},
			// A machine without a name is better known by its description than by its id.
			{"machine_name", f.MachineName, []string{"name", "description"}},
		}
	case OpSensors:
		return []role{
			{"sensor_id", f.SensorID, []string{"sensor_id", "sensorid", "id"}},
			{"sensor_name", f.SensorName, []string{"name"}},
			{"unit", f.Unit, []string{"unit", "unit_of_measure", "uom"}},
		}
	}
	return []role{
		{"time", f.Time, []string{"timestamp", "time", "t"}},
		{"value", f.Value, []string{"value", "v"}},
	}
}

// owner is an object of the hierarchy by whose id a response may name what it is of.
type owner struct {
	role
	id string // as requested
}

// owners lists the objects that an operation was requested for. Assumed: a response names them as their own list does, but for
// the mere id, which is that of an item. A user who chose the field of an id knows better: then the others mean something else.
func (f Fields) owners(r request) (all []owner) {
	add := func(list Operation, id string) {
		if role := f.roles(list)[0]; role.chosen == "" {
			role.known = role.known[:len(role.known)-1]
			all = append(all, owner{role, id})
		}
	}
	if r.op == OpSensors || r.op == OpValues {
		add(OpMachines, r.ref.Machine)
	}
	if r.op == OpValues {
		add(OpSensors, r.ref.Sensor)
	}
	return all
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

// object is a JSON object with its field names in lower case.
type object map[string]any

// lowerKeys folds the field names, in place. Where two differ only in case, the one in lower case wins, or else the one that
// comes first in byte order.
func lowerKeys(fields map[string]any) object {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		lower := strings.ToLower(name)
		if _, taken := fields[lower]; !taken {
			fields[lower] = fields[name]
		}
		if lower != name {
			delete(fields, name)
		}
	}
	return fields
}

func objectOf(item any) (object, bool) {
	fields, ok := item.(map[string]any)
	return lowerKeys(fields), ok
}

// taken names the field that holds a fact: of names and units the first that is not blank, of all else the first present.
func (o object) taken(r role) (string, bool) {
	for _, name := range r.spellings() {
		if value, ok := o[name]; ok && (label(value) != "" || !r.isName() && r.name != "unit") {
			return name, true
		}
	}
	return "", false
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

// maxID bounds, in bytes, an id or a next_key, which are part of addresses and of the state, and what is taken of a name or unit.
const maxID = 1 << 10

// label is a value as a name or unit.
func label(value any) string { return strings.TrimSpace(printable(plain(value), maxID)) }

// pick returns what the field that holds a fact holds; nil where there is none.
func (o object) pick(r role) any {
	name, ok := o.taken(r)
	if !ok {
		return nil
	}
	return o[name]
}
