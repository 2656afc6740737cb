package simulator

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Describe returns the settings of an account of the exporter that describe this API, by the path of the key below the
// account, but for url and key; only what differs from the exporter's defaults. inexpressible names the fact that no setting can
// express, empty where the settings describe everything. The names of the keys are a second statement of the exporter's
// documentation: nothing here is shared with its code.
func (o Options) Describe() (settings map[string]any, inexpressible string) {
	f := o.Format.withDefaults()
	settings = map[string]any{}
	if o.Limits.PerHour > 0 {
		settings["rate_limit.requests_per_hour"] = o.Limits.PerHour
		settings["rate_limit.burst"] = max(1, o.Limits.Burst)
	}
	if most := o.Limits.maxPage(); most < defaultPage && !o.Limits.ClampPage {
		settings["page_size"] = most
	}
	describeEndpoints(&f, settings)
	describeFields(&f, settings)
	if usesWindow(&f) && f.Window.Max > 0 && f.Window.Max < 24*time.Hour {
		settings["lookback"] = f.Window.Max.String()
	}
	return settings, o.inexpressible(&f)
}

func (o Options) inexpressible(f *Format) string {
	switch {
	case !strings.EqualFold(f.Fields.Data, "data"):
		return "the results stand in the field " + f.Fields.Data
	case !strings.EqualFold(f.Fields.NextKey, "next_key"):
		return "the key of the next page stands in the field " + f.Fields.NextKey
	case o.Key != "" && strings.Contains(f.KeyPrefix, o.Key):
		return "the API returned the key"
	case f.Decimal == Comma:
		return "decimal comma"
	case f.Decimal == Percent:
		return "percent sign"
	case f.NeedWindow && f.Window.Unit == EpochNanoseconds:
		return "the window needs " + f.Window.Unit.String()
	}
	return ""
}

// usesWindow reports whether requests for values must, or should, state a window.
func usesWindow(f *Format) bool {
	return f.NeedWindow || f.Order == Ascending && !f.Window.Ignored && f.Window.Unit != EpochNanoseconds
}

func describeEndpoints(f *Format, settings map[string]any) {
	none := Format{}.withDefaults()
	query := queryTemplate(f.Parameters)
	values := query
	unit, known := map[WindowUnit]string{EpochMilliseconds: "ms", EpochSeconds: "s", TimeText: "rfc3339"}[f.Window.Unit]
	if usesWindow(f) && known {
		values = append(slices.Clip(query),
			fmt.Sprintf("%s={from_%s}", f.Parameters.From, unit), fmt.Sprintf("%s={to_%s}", f.Parameters.To, unit))
	}
	for _, e := range []struct {
		op, path, usual string
		query           []string
	}{
		{"company", f.Paths.Company, none.Paths.Company, nil},
		{"machines", f.Paths.Machines, none.Paths.Machines, query},
		{"sensors", f.Paths.Sensors, none.Paths.Sensors, query},
		{"values", f.Paths.Values, none.Paths.Values, values},
	} {
		if template := strings.Join(append([]string{e.path}, e.query...), "&"); template != e.usual {
			settings["endpoints."+e.op] = strings.Replace(template, "&", "?", 1)
		}
	}
}

// queryTemplate is the query of a list, as far as its names differ from the documented ones.
func queryTemplate(p Parameters) []string {
	var query []string
	if p.Limit != "limit" {
		query = append(query, p.Limit+"={limit}")
	}
	if p.StartKey != "start_key" {
		query = append(query, p.StartKey+"={start_key}")
	}
	return query
}

// spellings are the names of fields that the exporter recognises by itself, the preferred one first.
var spellings = map[string][]string{
	"company_id":   {"company_id", "companyid", "domain", "id"},
	"company_name": {"name"},
	"machine_id":   {"machine_id", "machineid", "id"},
	"machine_name": {"name", "description"},
	"sensor_id":    {"sensor_id", "sensorid", "id"},
	"sensor_name":  {"name"},
	"unit":         {"unit", "unit_of_measure", "uom"},
	"time":         {"timestamp", "time", "t"},
	"value":        {"value", "v"},
}

func describeFields(f *Format, settings map[string]any) {
	for _, r := range []struct {
		role, name string
		extra      map[string]any
	}{
		{"company_id", f.Fields.CompanyID, f.Extra.Company},
		{"company_name", f.Fields.Name, f.Extra.Company},
		{"machine_id", f.Fields.MachineID, f.Extra.Machine},
		{"machine_name", f.Fields.Name, f.Extra.Machine},
		{"sensor_id", f.Fields.SensorID, f.Extra.Sensor},
		{"sensor_name", f.Fields.Name, f.Extra.Sensor},
		{"unit", f.Fields.Unit, f.Extra.Sensor},
		{"time", f.Fields.Time, f.Extra.Reading},
		{"value", f.Fields.Value, f.Extra.Reading},
	} {
		rank := slices.Index(spellings[r.role], strings.ToLower(r.name))
		unclear := rank < 0
		for other := range r.extra {
			place := slices.Index(spellings[r.role], strings.ToLower(other))
			unclear = unclear || place >= 0 && place < rank
		}
		switch {
		case f.Pairs && r.role == "time":
			settings["fields.time"] = "0" // the place in the pair: the value may read as a time, too
		case f.Pairs && r.role == "value":
		case unclear:
			settings["fields."+r.role] = r.name
		}
	}
	if f.SecondList != "" && f.Holder != "" {
		for _, op := range []string{OpMachines, OpSensors, OpValues} {
			settings["fields."+op] = f.Holder
		}
	}
	if f.Time == Zoneless {
		settings["fields.time_zone"] = f.Zone.String()
	}
}
