package status

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"innius_exporter/innius"
	"innius_exporter/internal/poller"
	"innius_exporter/internal/poller/schedule"
)

// Selection selects a part of the status; the zero value selects everything.
type Selection struct {
	Accounts        []string // names; none: every account
	Search          string   // words that the names and ids of account, machine and sensor contain, in any case
	Machine, Sensor string   // exact label, id or name
	Status          poller.SensorStatus
	Sort            string // sensor, value, status, age, gap, interval, last or next; with a minus: the largest first
	Flat            bool   // the sensors as one list, in Status.Flat
	Recent          bool   // with the recent readings of the sensors
	Summary         bool   // may become a summary, see Status
}

const (
	maxShown = 1000 // selected sensors of several accounts; more become a summary
	maxFlat  = 500  // sensors of Status.Flat
)

// Filtered reports whether not all machines and sensors of the accounts are selected.
func (sel *Selection) Filtered() bool {
	return sel.Machine != "" || sel.Sensor != "" || sel.Status != "" || sel.Search != ""
}

// Of describes the selected part of what a poller knows now. Accounts and machines keep what concerns all their sensors. That
// nothing has the account, machine, sensor or words is a *NotFoundError, with a Status; that no sensor has the status is none.
func Of(p *poller.Poller, sel Selection) (*Status, error) {
	v := &selected{Selection: sel, View: p.View(innius.Now()), words: strings.Fields(strings.ToLower(sel.Search))}
	s := &Status{At: v.At.UTC(), Unmatched: p.Unmatched(), Accounts: []Account{}, Several: len(v.View.Accounts) > 1}
	v.to, s.ByStatus = s, map[poller.SensorStatus]int{}
	s.Summary = sel.Summary && s.Several && !sel.Filtered() && !sel.Flat
	unknown := slices.Clone(sel.Accounts)
	for i, one := range v.View.Accounts { // of every account: they may share machines
		if len(sel.Accounts) > 0 && !slices.Contains(sel.Accounts, one.Name) {
			continue
		}
		unknown = slices.DeleteFunc(unknown, func(wanted string) bool { return wanted == one.Name })
		v.brief = s.Summary
		a := v.account(i)
		if v.discovering = v.discovering || !a.Discovery.Ended; !sel.Filtered() || a.Selected > 0 || len(a.Machines) > 0 {
			s.Accounts = append(s.Accounts, a)
		}
		s.Selected += a.Selected
		s.Summary = s.Summary || sel.Summary && s.Several && s.Selected > maxShown
	}
	v.sort(v.flat)
	s.Flat = v.describe(v.flat[:min(len(v.flat), maxFlat)])
	if len(unknown) > 0 {
		return s, &NotFoundError{text: fmt.Sprintf("no account is named %q", innius.Printable(unknown[0])), Account: true}
	}
	return s, v.notFound()
}

// named reports whether one of the label, id and name of an object is the wanted one. An id is compared as it is shown.
func named(wanted, label, id, name string) bool {
	return wanted == "" || wanted == label || wanted == name || wanted == innius.Printable(id)
}

// without returns the words that no text contains, in any case.
func without(words []string, texts ...string) []string {
	if len(words) == 0 {
		return nil
	}
	all := strings.ToLower(strings.Join(texts, "\n"))
	return slices.DeleteFunc(slices.Clone(words), func(word string) bool { return strings.Contains(all, word) })
}

// sort sorts rows as selected. Those without a value to sort by come last.
func (v *selected) sort(rows []row) {
	by, down := strings.CutPrefix(v.Selection.Sort, "-")
	if by == "" {
		return
	}
	for i := range rows {
		rows[i].key = rows[i].sortKey(by, v)
	}
	slices.SortStableFunc(rows, func(a, b row) int {
		order := cmp.Compare(a.key, b.key)
		switch {
		case math.IsNaN(a.key) || math.IsNaN(b.key):
			return -order // cmp has NaN first
		case by == "sensor":
			order = strings.Compare(strings.ToLower(a.Label), strings.ToLower(b.Label))
		}
		if down {
			return -order
		}
		return order
	})
}

// worstFirst are the statuses as they are sorted.
var worstFirst = []poller.SensorStatus{
	poller.SensorFailing, poller.SensorSilent, poller.SensorDelayed, poller.SensorStale, poller.SensorUnreadable,
	poller.SensorNoReadings, poller.SensorPending, poller.SensorCurrent, poller.SensorExcluded,
}

// sortKey returns the number that a row is sorted by; NaN: it has none.
func (r *row) sortKey(by string, v *selected) float64 {
	o, key, known := &r.view, 0.0, true
	last := schedule.Later(o.LastSuccess, o.LastFailure)
	switch by {
	case "status":
		key = float64(slices.Index(worstFirst, o.Status))
	case "value":
		key, known = o.Value, !o.Time.IsZero()
	case "age":
		key, known = v.APITime(r.Machine).Sub(o.Time).Seconds(), !o.Time.IsZero()
	case "gap":
		key, known = o.PlannedGap.Seconds(), o.PlannedGap > 0
	case "interval":
		key, known = o.Interval, o.Interval > 0
	case "last":
		key, known = unix(last), !last.IsZero()
	case "next":
		key, known = unix(r.next.At), !r.next.At.IsZero()
	}
	if !known {
		return math.NaN()
	}
	return key
}

// NotFoundError is that nothing has a name, an id or the words that are selected.
type NotFoundError struct {
	text    string
	Near    []string // names that are near to it
	Account bool     // it is an account that does not exist
}

// Error implements error.
func (e *NotFoundError) Error() string { return e.text }

// notFound describes what does not exist; nil if everything does.
func (v *selected) notFound() error {
	search, machine, sensor := v.Selection.Search, v.Selection.Machine, v.Selection.Sensor
	if v.sensor || search == "" && machine == "" && sensor == "" {
		return nil
	}
	text, exact := "", "; write its exact label, id or name"
	switch {
	case machine != "" && !v.machine:
		text = fmt.Sprintf("unknown machine %q", innius.Printable(machine)) + exact
	case search != "":
		text = fmt.Sprintf("no machine or sensor has the words %q in its names and ids", innius.Printable(search))
	case machine == "":
		text = fmt.Sprintf("unknown sensor %q", innius.Printable(sensor)) + exact
	default:
		text = fmt.Sprintf("unknown sensor %q of machine %q", innius.Printable(sensor), innius.Printable(machine)) + exact
	}
	if v.discovering {
		text += ". The first discovery is still running, so not all are known yet"
	}
	return &NotFoundError{text: text, Near: v.near(cmp.Or(search, sensor, machine))}
}

const maxNear = 5 // names that are suggested

// near returns the names most like a text: at least half of its pairs of letters are in them.
func (v *selected) near(text string) []string {
	text = strings.ToLower(text[:min(len(text), 64)])
	score := map[string]int{}
	for i, a := range v.Inventory.Accounts {
		if len(v.Selection.Accounts) > 0 && !slices.Contains(v.Selection.Accounts, v.View.Accounts[i].Name) {
			continue
		}
		for _, m := range a.Machines {
			score[m.Label] = 0
			for _, s := range m.Sensors {
				score[s.Label] = 0
			}
		}
	}
	var names []string
	for name := range score {
		lower := strings.ToLower(name)
		for i := range len(text) - 1 {
			if strings.Contains(lower, text[i:i+2]) {
				score[name]++
			}
		}
		if 2*score[name] >= len(text)-1 && score[name] > 0 {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(score[b], score[a]), cmp.Compare(len(a), len(b)), strings.Compare(a, b))
	})
	return names[:min(len(names), maxNear)]
}
