package status

import (
	"fmt"
	"slices"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/poller"
)

// Selection selects a part of the status; the zero value selects everything.
type Selection struct {
	Accounts        []string // names; none: every account
	Machine, Sensor string   // exact label, id or name
	Status          poller.SensorStatus
	Recent          bool // with the recent readings of the sensors
	Summary         bool // may become a summary, see Status
}

// maxShown is the number of selected sensors of several accounts from which they become a summary.
const maxShown = 1000

// Filtered reports whether not all machines and sensors of the accounts are selected.
func (sel *Selection) Filtered() bool {
	return sel.Machine != "" || sel.Sensor != "" || sel.Status != ""
}

// Of describes the selected part of what a poller knows now. Accounts and machines keep what concerns all their sensors. An
// unknown account, machine or sensor is an error; that no sensor has the status is not.
func Of(p *poller.Poller, sel Selection) (*Status, error) {
	v := &selected{Selection: sel, View: p.View(time.Now())} // of every account: they may share machines
	s := &Status{At: v.At.UTC(), Unmatched: p.Unmatched(), Accounts: []Account{}, Several: len(v.View.Accounts) > 1}
	s.Summary = sel.Summary && s.Several && !sel.Filtered()
	unknown := slices.Clone(sel.Accounts)
	for i, one := range v.View.Accounts {
		if len(sel.Accounts) > 0 && !slices.Contains(sel.Accounts, one.Name) {
			continue
		}
		unknown = slices.DeleteFunc(unknown, func(wanted string) bool { return wanted == one.Name })
		v.Summary = s.Summary
		a := v.account(i)
		if v.discovering = v.discovering || !a.Discovery.Ended; !sel.Filtered() || a.Selected > 0 || len(a.Machines) > 0 {
			s.Accounts = append(s.Accounts, a)
		}
		s.Selected += a.Selected
		s.Summary = s.Summary || sel.Summary && s.Several && s.Selected > maxShown
	}
	if len(unknown) > 0 {
		return s, fmt.Errorf("no account is named %q", innius.Printable(unknown[0]))
	}
	return s, v.notFound()
}

// named reports whether one of the label, id and name of an object is the wanted one. An id is compared as it is shown.
func named(wanted, label, id, name string) bool {
	return wanted == "" || wanted == label || wanted == name || wanted == innius.Printable(id)
}

// notFound describes what does not exist; nil if everything does.
func (v *selected) notFound() error {
	machine, sensor, more := innius.Printable(v.Selection.Machine), innius.Printable(v.Selection.Sensor), ""
	if v.discovering {
		more = ". The first discovery is still running, so not all are known yet"
	}
	switch {
	case v.sensor, v.Selection.Machine == "" && v.Selection.Sensor == "":
		return nil
	case v.Selection.Machine == "":
		return fmt.Errorf("unknown sensor %q; write its exact label, id or name%s", sensor, more)
	case v.machine:
		return fmt.Errorf("unknown sensor %q of machine %q; write its exact label, id or name%s", sensor, machine, more)
	}
	return fmt.Errorf("unknown machine %q; write its exact label, id or name%s", machine, more)
}
