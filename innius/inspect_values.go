package innius

import "time"

// Values is what a page of values shows.
type Values struct {
	Readings []Reading          `json:"-"`      // in the order of the page
	Usable   int                `json:"usable"` // readings with a number
	Order    Order              `json:"order,omitempty"`
	Mixed    bool               `json:"mixed,omitempty"` // some readings stand against the order
	Oldest   time.Time          `json:"oldest,omitzero"`
	Newest   time.Time          `json:"newest,omitzero"`
	TimeForm string             `json:"time_form,omitempty"` // such as "epoch milliseconds, a number"; empty: no time was understood
	Skipped  map[SkipReason]int `json:"skipped,omitempty"`   // by the reason that makes them unusable
}

// summary looks at a page as a whole.
func summary(page []Reading, objects []object, a *answer) Values {
	v := Values{Readings: page, Order: orderOf(page), Skipped: map[SkipReason]int{}}
	var before time.Time
	for i, r := range page {
		if r.Skip == "" {
			v.Usable++
		} else {
			v.Skipped[r.Skip]++
		}
		if r.Time.IsZero() {
			continue
		}
		v.extend(r.Time)
		if v.TimeForm == "" {
			v.TimeForm = a.timeForm(objects[i])
		}
		step := r.Time.Compare(before)
		v.Mixed = v.Mixed || !before.IsZero() && (v.Order == Ascending && step < 0 || v.Order == Descending && step > 0)
		before = r.Time
	}
	return v
}

func (v *Values) extend(at time.Time) {
	if v.Oldest.IsZero() || at.Before(v.Oldest) {
		v.Oldest = at
	}
	if at.After(v.Newest) {
		v.Newest = at
	}
}

// timeForm says how the time of a reading is written.
func (a *answer) timeForm(o object) string {
	stamp, _ := o.pick(a.fields.roles(OpValues)[0])
	_, form, _ := readTime(plain(stamp), a.zone)
	return form + ", " + kind(stamp)
}
