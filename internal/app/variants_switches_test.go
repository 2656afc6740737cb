package app

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"innius_exporter/internal/simulator"
)

// toggle is one switch: a behaviour of the API or of a plant that is not known, or a fault. Of the switches of a group, one
// at most is on.
type toggle struct {
	group, name string
	share       float64 // of the variants in which it is on
	set         func(v *variant)
}

// format makes a switch that changes the format alone.
func format(change func(f *simulator.Format)) func(*variant) {
	return func(v *variant) { change(&v.opts.Format) }
}

func fault(f simulator.Fault) func(*variant) {
	return func(v *variant) { v.faults = append(v.faults, f) }
}

// oneOf sets one of several values.
func oneOf[T any](v *variant, values ...T) T { return values[v.rand.IntN(len(values))] }

// Each row of what is not known about the API has its switches here, and each fault that the exporter once had.
var switches = slices.Concat(objectSwitches, shapeSwitches, timeSwitches, windowSwitches, faultSwitches)

var objectSwitches = []toggle{
	{"ids", "numeric ids", 0.12, format(func(f *simulator.Format) { f.NumericIDs = true })},
	{"ids", "odd ids", 0.1, func(v *variant) { v.some(func(s *simulator.Sensor) { s.ID += ` ä/ö?%2F#;=&+"` }) }},
	{"ids", "long id", 0.1, func(v *variant) {
		if s := v.pick(); s != nil {
			s.ID += "~" + strings.Repeat("x", 1000)
		}
	}},
	{"ids", "id of 60 KiB", 0.1, func(v *variant) {
		v.lastMachine().ID += strings.Repeat("x", 60<<10)
		v.facts = append(v.facts, "an id is too long")
	}},
	{"", "control characters in names", 0.12, func(v *variant) {
		v.lastMachine().Name += "\x1b[31m\u202e\r\n"
		v.some(func(s *simulator.Sensor) { s.Name += "\x00\u2066\x1b]0;x\a" })
	}},
	{"", "machine of another company", 0.15, func(v *variant) {
		id := v.lastMachine().ID
		v.failing[id] = true
		v.faults = append(v.faults, simulator.Fault{Kind: simulator.Forbidden, Object: id})
	}},
	{"", "machines without sensors", 0.15, func(v *variant) {
		for range 2 {
			v.lastMachine().Sensors = nil
		}
	}},
	{"", "sensors that never report", 0.2, func(v *variant) { v.some(func(s *simulator.Sensor) { s.Period = 0 }) }},
	{"", "silent sensors", 0.15, func(v *variant) {
		end := start.Add(-2 * time.Hour)
		v.some(func(s *simulator.Sensor) { s.Exists = func(at time.Time) bool { return at.Before(end) } })
	}},
	{"", "sensors that resume", 0.12, func(v *variant) {
		from, to := start.Add(time.Minute), start.Add(15*time.Minute)
		v.end = 20 * time.Minute
		v.some(func(s *simulator.Sensor) {
			s.Exists = func(at time.Time) bool { return at.Before(from) || at.After(to) }
		})
	}},
	{"", "readings that are no number", 0.12, func(v *variant) {
		v.some(func(s *simulator.Sensor) {
			text := oneOf[any](v, "RUN", nil, "n/a")
			s.Value, v.unread[s.ID] = func(time.Time) any { return text }, true
		})
		v.some(func(s *simulator.Sensor) {
			if !v.unread[s.ID] {
				s.Value = func(at time.Time) any { return at.Unix()/60%2 == 0 }
			}
		})
	}},
	{"", "unit that changes", 0.1, func(v *variant) {
		v.changesUnit = true
	}},
	{"clocks", "sensor clock off", 0.12, func(v *variant) {
		v.some(func(s *simulator.Sensor) { s.Skew = oneOf(v, 3*time.Minute, -5*time.Minute) })
	}},
	{"clocks", "sensor clock in the future", 0.1, func(v *variant) {
		if s := v.pick(); s != nil {
			s.Skew = time.Hour
		}
	}},
	{"clocks", "our clock off", 0.12, func(v *variant) {
		off := oneOf(v, 20*time.Minute, -20*time.Minute)
		v.faults = append(v.faults, simulator.Fault{Kind: simulator.ClockOff, Delay: off})
		v.each(func(s *simulator.Sensor) { s.Skew += off })
	}},
	{"clocks", "no Date", 0.1, fault(simulator.Fault{Kind: simulator.NoDate})},
}

var shapeSwitches = []toggle{
	{"company", "company in a list", 0.1, format(func(f *simulator.Format) { f.Company = simulator.CompanyListed })},
	{"company", "company in a field", 0.1, format(func(f *simulator.Format) { f.Company = simulator.CompanyNested })},
	{"company", "company as text", 0.1, format(func(f *simulator.Format) { f.Company = simulator.CompanyText })},
	{"company", "company as text in a list", 0.1, format(func(f *simulator.Format) { f.Company = simulator.CompanyTextList })},
	{"company", "company set by the user", 0.1, func(v *variant) {
		v.faults = append(v.faults, simulator.Fault{Kind: simulator.Forbidden, Op: simulator.OpCompany})
		v.fixedCompany = true
	}},
	{"empty", "empty list null", 0.1, format(func(f *simulator.Format) { f.Empty = simulator.EmptyNull })},
	{"empty", "empty list as data null", 0.1, format(func(f *simulator.Format) { f.Empty = simulator.EmptyDataNull })},
	{"empty", "empty list without data", 0.1, format(func(f *simulator.Format) { f.Empty = simulator.EmptyNoData })},
	{"empty", "empty list as {}", 0.1, format(func(f *simulator.Format) { f.Empty = simulator.EmptyBraces })},
	{"empty", "empty list as data {}", 0.1, format(func(f *simulator.Format) { f.Empty = simulator.EmptyDataObject })},
	{"empty", "empty list as values null", 0.1, format(func(f *simulator.Format) { f.Empty = simulator.EmptyHolderNull })},
	{"empty", "empty list as 204", 0.1, format(func(f *simulator.Format) { f.Empty = simulator.EmptyNoContent })},
	{"list", "list in its own field", 0.12, format(func(f *simulator.Format) { f.Shape = simulator.OwnField })},
	{"list", "list in items or results", 0.1, func(v *variant) { v.opts.Format.Shape = oneOf(v, simulator.Items, simulator.Results) }},
	{"list", "list under another name", 0.12, func(v *variant) { v.opts.Format.Holder = oneOf(v, "datapoints", "points", "rows") }},
	{"list", "second list in data", 0.12, func(v *variant) {
		v.opts.Format.Holder, v.opts.Format.SecondList = oneOf(v, "datapoints", "values"), "alarms"
	}},
	{"key place", "next_key in data", 0.1, format(func(f *simulator.Format) { f.KeyInData = true })},
	{"key place", "next_key in another object", 0.12, func(v *variant) { v.opts.Format.KeyObject = oneOf(v, "paging", "meta", "pagination") }},
	{"key end", "next_key 0 at the end", 0.1, format(func(f *simulator.Format) { f.KeyEnd = simulator.ZeroAtEnd })},
	{"key end", "no next_key at the end", 0.1, format(func(f *simulator.Format) { f.KeyEnd = simulator.AbsentAtEnd })},
	{"key end", "full page without next_key", 0.1, format(func(f *simulator.Format) { f.NoNextKey = true })},
	{"", "text keys", 0.15, format(func(f *simulator.Format) { f.NextKey = simulator.TextKey })},
	{"", "cursors that expire", 0.12, format(func(f *simulator.Format) { f.CursorTTL = time.Minute })},
	{"", "empty pages", 0.12, format(func(f *simulator.Format) { f.Sparse = 1 })},
	{"page", "short pages", 0.12, func(v *variant) { v.opts.Limits.MaxPage, v.opts.Limits.ClampPage = 50, true }},
	{"page", "limit refused above a maximum", 0.12, func(v *variant) { v.opts.Limits.MaxPage = 50 }},
	{"fields", "other spellings", 0.2, func(v *variant) {
		v.opts.Format.Fields = simulator.Fields{
			CompanyID: oneOf(v, "companyId", "company_id", "id"), MachineID: oneOf(v, "machine_id", "MachineID", "id"),
			SensorID: oneOf(v, "sensor_id", "sensorId"), Unit: oneOf(v, "uom", "unit_of_measure"),
			Time: oneOf(v, "timestamp", "Time"), Value: oneOf(v, "value", "V"),
		}
	}},
	{"fields", "two candidates for a field", 0.1, func(v *variant) {
		v.opts.Format.Extra = simulator.Extra{
			Machine: map[string]any{"id": 7}, Reading: map[string]any{"timestamp": "1999-12-01T00:00:00Z"},
		}
		v.hide("which of two times is the reading's")
	}},
	{"", "readings as pairs", 0.12, func(v *variant) {
		v.opts.Format.Pairs = true
		if v.rand.IntN(2) == 0 {
			v.hide("which place of a pair holds the time, where both read as one")
			return
		}
		v.each(func(s *simulator.Sensor) {
			if s.Value == nil {
				s.Value = func(at time.Time) any { return float64(at.Unix() % 86400) }
			}
		})
	}},
	{"", "numbers as text", 0.12, format(func(f *simulator.Format) { f.NumbersAsText = true })},
	{"inexpressible", "decimal comma or percent", 0.1, func(v *variant) {
		v.opts.Format.Decimal = oneOf(v, simulator.Comma, simulator.Percent)
		v.each(func(s *simulator.Sensor) { // whatever check api reads must show it
			s.Value, v.unread[s.ID] = nil, false
			if v.opts.Format.Sparse > 0 && s.Skew == time.Hour {
				s.Skew = 0
			}
		})
	}},
	{"inexpressible", "key echoed", 0.1, func(v *variant) {
		switch place := v.rand.IntN(3); {
		case place == 0 || place == 1 && v.opts.Format.NumericIDs:
			v.plant.Company.Machines[0].Name += " " + variantKey
		case place == 1:
			v.lastMachine().ID += variantKey
		default:
			v.opts.Format.KeyPrefix, v.opts.Limits.MaxPage, v.opts.Limits.ClampPage = variantKey, 1, true
		}
		v.facts = append(v.facts, "the API returned the key")
	}},
}

var timeSwitches = []toggle{
	{"order", "ascending", 0.25, format(func(f *simulator.Format) { f.Order = simulator.Ascending })},
	{"order", "pages go back, each ascends", 0.15, format(func(f *simulator.Format) { f.Order = simulator.Blocks })},
	{"time", "other epochs", 0.15, func(v *variant) {
		v.opts.Format.Time = oneOf(v, simulator.WholeSeconds, simulator.FractionalSeconds, simulator.Microseconds, simulator.Nanoseconds)
	}},
	{"time", "RFC 3339", 0.1, format(func(f *simulator.Format) { f.Time = simulator.RFC3339 })},
	{"time", "other texts of UTC", 0.2, func(v *variant) {
		v.opts.Format.Time = oneOf(v, simulator.OffsetMinutes, simulator.OffsetHours, simulator.SpaceUTC, simulator.BasicForm,
			simulator.NoSeconds, simulator.ZoneID)
	}},
	{"time", "+0100", 0.1, format(func(f *simulator.Format) { f.Time = simulator.EastOffset })},
	{"time", "no zone", 0.1, func(v *variant) {
		v.opts.Format.Time, v.opts.Format.Zone = simulator.Zoneless, amsterdam
		v.hide("the time zone")
	}},
	{"", "epochs as text", 0.15, format(func(f *simulator.Format) { f.TimeAsText = true })},
}

var windowSwitches = []toggle{
	{"", "window required", 0.25, format(func(f *simulator.Format) { f.NeedWindow = true })},
	{"unit", "window in seconds", 0.15, format(func(f *simulator.Format) { f.Window.Unit = simulator.EpochSeconds })},
	{"unit", "window in RFC 3339", 0.15, format(func(f *simulator.Format) { f.Window.Unit = simulator.TimeText })},
	{"inexpressible", "window in nanoseconds", 0.1, format(func(f *simulator.Format) { f.NeedWindow, f.Window.Unit = true, simulator.EpochNanoseconds })},
	{"", "window ignored", 0.15, format(func(f *simulator.Format) { f.Window.Ignored = true })},
	{"", "longest window", 0.15, func(v *variant) { v.opts.Format.Window.Max = oneOf(v, 10*time.Minute, time.Hour) }},
	{"", "window excludes from", 0.15, format(func(f *simulator.Format) { f.Window.Exclusive = true })},
	{"", "window in the future refused", 0.15, format(func(f *simulator.Format) { f.Window.RefuseFuture = true })},
	{"", "404 for an empty window", 0.15, format(func(f *simulator.Format) { f.Window.NotFound = true })},
	{"", "other names of the window", 0.12, func(v *variant) {
		names := oneOf(v, [2]string{"start", "end"}, [2]string{"startTime", "endTime"}, [2]string{"since", "until"})
		v.opts.Format.Parameters.From, v.opts.Format.Parameters.To = names[0], names[1]
	}},
	{"", "other name of limit", 0.1, func(v *variant) { v.opts.Format.Parameters.Limit = oneOf(v, "page_size", "max") }},
	{"", "other name of start_key", 0.1, func(v *variant) { v.opts.Format.Parameters.StartKey = oneOf(v, "cursor", "next_key") }},
	{"", "unknown parameters refused", 0.15, format(func(f *simulator.Format) { f.Parameters.Strict = true })},
	{"", "other paths", 0.12, func(v *variant) {
		v.opts.Format.Paths = simulator.Paths{
			Company: "/company", Machines: "/{company}/assets", Sensors: "/assets/{machine}/sensors", Values: "/sensors/{sensor}/data",
		}
		v.hide("the paths")
	}},
	{"", "403 for unknown paths", 0.15, format(func(f *simulator.Format) { f.GatewayPaths = true })},
	{"", "base path", 0.1, func(v *variant) { v.opts.BasePath = "/v1" }},
}

var faultSwitches = []toggle{
	{"", "sensors that fail", 0.15, func(v *variant) {
		for range 1 + v.rand.IntN(6) {
			if s := v.pick(); s != nil && !v.failing[s.ID] {
				v.failing[s.ID] = true
				v.faults = append(v.faults, simulator.Fault{Kind: simulator.ServerError, Op: simulator.OpValues, Object: s.ID})
			}
		}
	}},
	{"outage", "503 with Retry-After", 0.1, func(v *variant) {
		v.faults = append(v.faults, simulator.Fault{
			Kind: simulator.Unavailable, RetryAfter: "90", From: start.Add(2 * time.Minute), Until: start.Add(3 * time.Minute),
		})
		v.outage = [2]time.Duration{2 * time.Minute, 7 * time.Minute} // with most sensors failing, some probes fail too
	}},
	{"outage", "429 with Retry-After 0 or 1", 0.1, func(v *variant) {
		v.faults = append(v.faults, simulator.Fault{
			Kind: simulator.TooMany, RetryAfter: oneOf(v, "0", "1"), From: start.Add(2 * time.Minute), Until: start.Add(7 * time.Minute),
		})
		v.outage = [2]time.Duration{2 * time.Minute, 12 * time.Minute}
	}},
	{"", "smaller rate limit", 0.12, func(v *variant) { v.opts.Limits.PerHour, v.opts.Limits.Burst = 600, 20 }},
}

var amsterdam = func() *time.Location {
	zone, err := time.LoadLocation("Europe/Amsterdam")
	if err != nil {
		panic(err)
	}
	return zone
}()

// variant is one combination of switches.
type variant struct {
	name   string
	rand   *rand.Rand
	on     []string
	plant  simulator.Plant
	opts   simulator.Options
	faults []simulator.Fault

	unread, failing map[string]bool // machines and sensors, by the plant's id
	fixedCompany    bool
	changesUnit     bool
	end             time.Duration    // of a run at least
	outage          [2]time.Duration // the account may fail in between
	hidden          []string         // what is needed and the API does not show
	settings        map[string]any   // of the account, by the path below it
	facts           []string         // that no setting can express
}

func (v *variant) hide(what string) { v.hidden = append(v.hidden, what) }

// variants makes n combinations, in which each switch has its share, rounded up.
func variants(seed uint64, n int) []*variant {
	all := make([]*variant, n)
	for i := range all {
		all[i] = newVariant(seed, i, n)
	}
	draw := rand.New(rand.NewPCG(seed, 0))
	groups := map[string][]int{}
	for _, s := range switches {
		order, started := groups[s.group]
		if !started || s.group == "" {
			order = draw.Perm(n)
		}
		on := min(len(order), int(s.share*float64(n)+0.999))
		for _, i := range order[:on] {
			all[i].on = append(all[i].on, s.name)
		}
		groups[s.group] = order[on:]
	}
	for _, v := range all {
		for _, s := range switches {
			if slices.Contains(v.on, s.name) {
				s.set(v)
			}
		}
		v.settle()
	}
	return all
}

func newVariant(seed uint64, i, n int) *variant {
	v := &variant{
		name: fmt.Sprintf("%d-%d-of-%d", seed, i, n), rand: rand.New(rand.NewPCG(seed, uint64(i)+1)),
		unread: map[string]bool{}, failing: map[string]bool{}, end: 10 * time.Minute,
	}
	v.plant = makePlant(v.rand)
	v.opts = simulator.Options{Key: variantKey, Seed: seed, Limits: simulator.Limits{PerHour: 1000, Burst: 30}}
	return v
}

// settle keeps apart what cannot be together, and finds out which settings describe the whole.
func (v *variant) settle() {
	f := &v.opts.Format
	if f.KeyPrefix != "" {
		f.NoNextKey = false
	}
	if f.NoNextKey { // what is on a second page cannot be read then
		f.Sparse = 0
		if f.Order == simulator.Ascending {
			f.Order = simulator.Descending
		}
	}
	if f.Window.Unit == simulator.EpochNanoseconds {
		f.Window.Ignored = false
	}
	if f.Time == simulator.NoSeconds {
		v.each(func(s *simulator.Sensor) {
			if s.Period > 0 {
				s.Period = max(s.Period, time.Minute)
			}
		})
	}
	if f.Order == simulator.Ascending && f.Sparse > 0 {
		v.each(func(s *simulator.Sensor) { // of the five pages of a poll two are left: too few to find where a long silence began
			if exists := s.Exists; exists != nil && !exists(start.Add(-time.Minute)) {
				s.Exists = func(at time.Time) bool { return at.Before(start.Add(-5 * time.Minute)) }
			}
		})
	}
	if v.crawls() {
		f.History = 30 * time.Minute
		if f.CursorTTL > 0 {
			f.History = 8 * time.Minute // what does not fit into five pages cannot be read before the key expires
		}
	}
	v.shuffle()
	var fact string
	v.settings, fact = v.opts.Describe()
	if fact != "" {
		v.facts = append(v.facts, fact)
	}
	if v.opts.Limits.PerHour == 1000 { // the exporter's default
		delete(v.settings, "rate_limit.requests_per_hour")
		delete(v.settings, "rate_limit.burst")
	}
	if v.fixedCompany {
		server := simulator.New(v.plant, v.opts)
		v.settings["company_id"] = server.WireID(v.plant.Company.ID)
		v.hide("the company's id")
	}
	p := f.Parameters
	if p.StartKey != "" && !p.Strict {
		v.hide("the name of start_key")
	}
	if p.From != "" && !p.Strict && !f.NeedWindow && f.Order == simulator.Ascending {
		v.hide("the names of the window")
	}
}

// crawls reports whether the oldest reading is always the first to be read.
func (v *variant) crawls() bool {
	return v.opts.Format.Order == simulator.Ascending && v.opts.Format.Window.Ignored
}
