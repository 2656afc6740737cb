package apicheck

import (
	"fmt"
	"regexp"
	"strings"

	"innius_exporter/innius"
)

// noMachines explains why there is no machine to go on with.
func (w *walk) noMachines(listed int) *Finding {
	if listed > 0 {
		return w.filteredOut("machines")
	}
	return fail("no-machines", w.yaml(w.keySetting(), w.pathSetting(innius.OpMachines)),
		"The list of machines is empty. Either the company has no machine yet, or this key may not read any: check its rights in the "+
			"innius Admin app.")
}

// noSensors explains why there is no sensor to poll.
func (w *walk) noSensors() *Finding {
	for _, s := range w.report.Steps {
		if s.Skipped != "" && s.Operation == innius.OpSensors {
			return w.filteredOut("sensors")
		}
	}
	var bare []string
	for _, m := range w.machines {
		if m.known {
			bare = append(bare, w.show(m.Name))
		}
	}
	return fail("no-sensors", w.yaml(w.pathSetting(innius.OpSensors)),
		"No machine that was tried has a sensor: "+strings.Join(bare, ", ")+". Either they have none yet, or this key may not read "+
			"them, or the path is wrong.")
}

func (w *walk) filteredOut(objects string) *Finding {
	return fail("filtered", w.yaml(Setting{"discovery." + objects + ".include", []string{".*"}},
		Setting{"discovery." + objects + ".exclude", []string{}}),
		"All "+objects+" that were listed are left out by the filters under discovery."+objects+".")
}

// remark reports what is not wrong with a list, or the company, but should be checked once.
func (w *walk) remark(in *innius.Inspection) {
	for _, f := range in.Facts {
		if len(f.Alternatives) > 0 {
			other := f.Alternatives[0]
			w.find(&Finding{Kind: "ambiguous", Severity: Note, about: "fields." + f.Name, Text: []string{
				fmt.Sprintf("There are two fields for the %s: %s holds %q and is used, %s holds %q. If that is the wrong one, set "+
					"fields.%s.", what(f.Name), f.Field, f.Example, other.Name, other.Example, f.Name),
			}})
		}
		likely := w.chooseField(f.Name, in.Unknown)
		if (strings.HasSuffix(f.Name, "_name") || f.Name == "unit") && f.Missing == in.Items && likely != "" {
			w.find(&Finding{Kind: "no-" + f.Name, Severity: Note, Set: likely, Text: []string{
				"No field is known for the " + what(f.Name) + ". It may be one of these: " + names(candidates(f.Name, in.Unknown)) + ".",
			}})
		}
	}
	if in.Operation != innius.OpCompany && in.Items > 0 && in.NextForm == "" && in.Items == w.account.PageSize {
		w.fullPage(in)
	}
}

var leadsOn = regexp.MustCompile(`next|cursor|token|more|continu`)

// fullPage reports a list that may be cut: certainly where a field looks like the key of the next page, under a name that
// no setting can express.
func (w *walk) fullPage(in *innius.Inspection) {
	f := &Finding{Kind: "full-page", Severity: Warning, Text: []string{fmt.Sprintf(
		"The page of %s is exactly full (%d), and the response has no next_key. If there are more, the exporter does not see them: "+
			"compare the number with innius, or increase page_size.", in.Operation, in.Items)}}
	for _, field := range in.Unknown {
		if field.Outer && leadsOn.MatchString(field.Name) && field.Example != "null" && field.Example != "false" {
			f.Severity = Failure
			f.Text = append(f.Text, "The field "+quote(field.Name)+" may lead to the next page. No setting can express that: the "+
				"exporter follows next_key only. Please report it, with the response below.")
			f.Raw = in.Raw
			break
		}
	}
	if in.Operation == innius.OpValues && in.Values.Order != innius.Ascending {
		f = &Finding{Kind: f.Kind, Severity: Note, Text: []string{"The page of values is exactly full, and the response has no next_key. " +
			"The exporter reads newest values only, and these come first."}}
	}
	w.find(f)
}
