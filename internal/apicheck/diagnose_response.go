package apicheck

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/humanize"
)

// notUnderstood explains a response with an unknown shape.
func (d diagnosis) notUnderstood(e *innius.ResponseError) *Finding {
	in, path := d.in, d.pathSetting(d.in.Operation)
	switch {
	case strings.HasPrefix(e.Detail, "the API returned the key"):
		return failure(kindKeyReturned, "The exporter uses no response that holds the key: "+e.Detail+". No setting can express that: "+
			"innius, or a gateway before it, must not send the key back. Please report it to innius.")
	case in.Form == innius.FormHTML:
		return failure("html", "A web page came instead of data: "+e.Detail+". The url is that of a web site, or a sign-in page comes "+
			"before the API. The API reference has the base URL.").correct(d.urlSetting(), path).showing(in)
	case in.Form == innius.FormEmpty && strings.HasPrefix(e.Detail, "the body"):
		return failure("broken", "The response is incomplete: "+e.Detail+". Try again; smaller pages are safer.").correct(Setting{"page_size", max(1, d.account.PageSize/10)})
	case in.Form != innius.FormJSON:
		return failure("not-json", "The response is not JSON: "+e.Detail+". The url, or the path, is wrong.").correct(d.urlSetting(), path).showing(in)
	}
	for _, fact := range in.Facts {
		isID := strings.HasSuffix(fact.Name, "_id")
		if isID && fact.Missing > 0 || (fact.Name == "time" || fact.Name == "value") && fact.Missing == in.Items {
			return d.withoutField(fact)
		}
	}
	if len(in.IDs) > 1 && in.Operation == innius.OpCompany {
		return failure(kindCompanies, "The response holds several companies: "+d.show(strings.Join(in.IDs, ", "))+".")
	}
	f := failure("shape", "The response is JSON in an unknown shape: "+e.Detail+". If the path is right, please report it, with the "+
		"response below.").correct(path).showing(in)
	f.tries = d.lists()
	return f
}

// lists returns the field of data that holds the list, if only one of them can be read.
func (d diagnosis) lists() [][]Setting {
	var names []Setting
	for _, f := range d.in.Unknown {
		if name, inData := strings.CutPrefix(f.Name, "data."); inData && f.Example == "a list" && d.in.Operation != innius.OpCompany {
			names = append(names, Setting{"fields." + string(d.in.Operation), name})
		}
	}
	return d.only(names, func(s setup) bool { return s.client.Reread(d.in).Err == nil })
}

// withoutField explains items that lack a fact which they must have.
func (d diagnosis) withoutField(fact innius.Fact) *Finding {
	_, kind, isID := strings.Cut(fact.Name, "_")
	if !isID {
		kind = fact.Name
	}
	unknown := d.in.Unknown
	f := failure(kind+"-field", fmt.Sprintf("%d of %d items have no known field for the %s: looked for %s. Not understood are: %s.",
		fact.Missing, d.in.Items, described(fact.Name), strings.Join(fact.Known, ", "), cmp.Or(fieldNames(unknown), "none")),
	).correct(likelyField(fact.Name, unknown)...).showing(d.in)
	if f.suggest == nil {
		f.add("None of these can be it. If the response below holds it in another way, please report it.")
	}
	f.tries = d.lists()
	f.choose(fact.Name, otherFields(fact, d.in))
	return f
}

// unusable explains a page of values of which no reading can be used, for its time or because it has no number; nil if one can.
func (d diagnosis) unusable() *Finding {
	v := d.in.Values
	switch {
	case v.Usable+v.Skipped[innius.SkipText]+v.Skipped[innius.SkipFuture] > 0:
	case v.Skipped[innius.SkipTime] > 0:
		return d.unknownTime()
	case v.Skipped[innius.SkipNumber] > 0:
		f := failure(kindValue, fmt.Sprintf("The readings of this sensor hold no number (%s). If another field holds the value, choose it.",
			first(d.in, innius.SkipNumber).Text)).correct(likelyField("value", d.in.Unknown)...).showing(d.in)
		f.choose("value", otherFields(d.in.Facts[1], d.in))
		return f
	}
	return nil
}

// first returns the first reading that is skipped for a reason.
func first(in *innius.Inspection, reason innius.SkipReason) innius.Reading {
	i := slices.IndexFunc(in.Values.Readings, func(r innius.Reading) bool { return r.Skip == reason })
	if i < 0 {
		return innius.Reading{}
	}
	return in.Values.Readings[i]
}

func (d diagnosis) unknownTime() *Finding {
	f := failure("time-unit", "The time of a reading is not understood: "+first(d.in, innius.SkipTime).Shown()+". Known are RFC 3339 with "+
		"a zone, and seconds, milli-, micro- or nanoseconds since 1970, between 1990 and 2100.",
		"If it has no zone, set fields.time_zone. If another field holds the time, set fields.time. Otherwise please report this, with "+
			"the response below.").correct(likelyField("time", d.in.Unknown)...).showing(d.in)
	f.choose("time", otherFields(d.in.Facts[0], d.in))
	d.zones(f)
	return f
}

// zones tries the time zone in which the newest reading is recent. If it is not much older in another zone, each would be a
// guess: the sensor may have been silent for as long as the zones differ.
func (d diagnosis) zones(f *Finding) {
	var zones []Setting
	for _, zone := range []string{"UTC", "Europe/Amsterdam", time.Local.String()} {
		if s := (Setting{"fields.time_zone", zone}); zone != "Local" && !slices.Contains(zones, s) {
			zones = append(zones, s)
		}
	}
	var ages []string
	recent := false
	likely := d.only(zones, func(s setup) bool {
		age := apiTime(d.in).Sub(s.client.Reread(d.in).Values.Newest)
		if age <= -time.Minute || age > 2*time.Hour {
			return false
		}
		ages = append(ages, "As "+s.account.Fields.TimeZone+" the newest reading would be "+humanize.Duration(max(0, age))+" old.")
		recent = age < 15*time.Minute
		return true
	})
	if likely != nil && recent {
		f.tries = append(f.tries, likely...)
		return
	}
	f.add(ages...)
}

// future explains readings that are all ahead of the clock: another field may hold the right time.
func (d diagnosis) future(sensor string) *Finding {
	f := failure("future", "All readings of "+sensor+" are more than 5 minutes ahead of innius' clock, the newest by "+
		humanize.Duration(time.Until(d.in.Values.Newest).Abs())+". The exporter skips them.")
	fields := candidates("time", slices.Concat(d.in.Facts[0].Alternatives, d.in.Unknown))
	fields = slices.DeleteFunc(fields, func(field innius.Field) bool {
		s, ok := d.with(Setting{"fields.time", field.Name})
		if !ok {
			return true
		}
		v := s.client.Reread(d.in).Values
		return v.Skipped[innius.SkipFuture] > 0 || apiTime(d.in).Sub(v.Newest) > 24*time.Hour
	})
	if len(fields) == 0 {
		f.add("There is no setting for it: correct the clock of the sensor's gateway, or of this machine (NTP).")
	}
	f.choose("time", fields)
	for _, settings := range f.tries {
		f.add("With this field, the times are right:")
		d.prove(f, settings...)
	}
	return f
}

// remarks returns what is not wrong with a response, but should be checked once.
func (d diagnosis) remarks() (all []*Finding) {
	in := d.in
	for _, f := range in.Facts {
		if len(f.Alternatives) > 0 {
			other := f.Alternatives[0]
			all = append(all, &Finding{Kind: "ambiguous", Severity: Note, field: "fields." + f.Name, Text: []string{
				fmt.Sprintf("There are two fields for the %s: %s holds %q and is used, %s holds %q. If that is the wrong one, set fields.%s.",
					described(f.Name), f.Field, f.Example, other.Name, other.Example, f.Name),
			}})
		}
		likely := likelyField(f.Name, in.Unknown)
		if (strings.HasSuffix(f.Name, "_name") || f.Name == "unit") && f.Missing == in.Items && likely != nil {
			all = append(all, &Finding{Kind: "no-" + f.Name, Severity: Note, suggest: likely, Text: []string{
				"No field is known for the " + described(f.Name) + ". It may be one of these: " +
					fieldNames(candidates(f.Name, in.Unknown)) + ".",
			}})
		}
	}
	if in.Operation != innius.OpCompany && in.Items > 0 && in.NextForm == "" && in.Items == d.account.PageSize {
		all = append(all, d.fullPage())
	}
	return all
}

// fullPage reports a list that may be cut: certainly if a field with a name that no setting can express looks like the key of
// the next page.
func (d diagnosis) fullPage() *Finding {
	if d.in.Operation == innius.OpValues && d.in.Values.Order != innius.Ascending {
		return &Finding{Kind: "full-page", Severity: Note, Text: []string{"The page of values is exactly full, and the response has no " +
			"next_key. The exporter reads newest values only, and these come first."}}
	}
	f := &Finding{Kind: "full-page", Severity: Warning, Text: []string{fmt.Sprintf(
		"The page of %s is exactly full (%d), and the response has no next_key. If there are more, the exporter does not see them: "+
			"compare the number with innius, or increase page_size.", d.in.Operation, d.in.Items)}}
	i := slices.IndexFunc(d.in.Unknown, func(field innius.Field) bool {
		return field.Outer && leadsOn.MatchString(field.Name) && field.Example != "null" && field.Example != "false"
	})
	if i >= 0 {
		f.Severity = Failure
		f.add("The field " + quote(d.in.Unknown[i].Name) + " may lead to the next page. No setting can express that: the exporter " +
			"follows next_key only. Please report it, with the response below.")
		f.Raw = d.in.Raw
	}
	return f
}
