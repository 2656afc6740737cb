package apicheck

import (
	"fmt"
	"regexp"
	"strings"

	"innius_exporter/innius"
)

// noMachines says why there is no machine to go on with.
func (w *walk) noMachines(total int) *Finding {
	if total > 0 {
		return fail("filtered", w.general("discovery:", "  machines:", `    include: [".*"]  # all of them`, "    exclude: []"),
			fmt.Sprintf("All %d machines that were listed are left out by the filters under discovery.machines.", total))
	}
	return fail("no-machines", w.yaml(append(w.pathLines(innius.OpMachines, "or is the list elsewhere?"),
		w.keyLine()+"  # a key that may see machines")...),
		"The list of machines is empty. Either the company has no machine yet, or this key may not see any: look at its rights in the "+
			"innius Admin app.")
}

// noSensors says why no sensor could be asked.
func (w *walk) noSensors() *Finding {
	for _, s := range w.report.Steps {
		if s.Skipped != "" && s.Operation == string(innius.OpSensors) {
			return fail("filtered", w.general("discovery:", "  sensors:", `    include: [".*"]  # all of them`, "    exclude: []"),
				"All sensors of the machines that were asked are left out by the filters under discovery.sensors.")
		}
	}
	return fail("no-sensors", w.yaml(w.pathLines(innius.OpSensors, "is this the list of sensors?")...),
		"No machine that was tried has a sensor: "+strings.Join(w.silent, ", ")+". The path is right, for the responses are empty lists. "+
			"Either they have none yet, or this key may not see them, or the list is elsewhere.")
}

// remark tells what is not wrong with a list, or the company, but should be looked at once.
func (w *walk) remark(in *innius.Inspection) {
	for _, f := range in.Facts {
		w.remarkRivals(f)
		w.remarkName(in, f)
	}
	w.remarkPage(in)
}

// remarkRivals tells that a fact stands there twice, differently.
func (w *walk) remarkRivals(f innius.Fact) {
	if len(f.Rivals) == 0 {
		return
	}
	other := f.Rivals[0]
	set := w.yaml("fields:", "  "+f.Name+": "+quote(f.Field)+"  # as it is now", "  # or "+f.Name+": "+quote(other.Name))
	w.find(&Finding{Kind: "ambiguous", Severity: Note, Set: set, Text: []string{fmt.Sprintf(
		"The %s stands there twice: %s %q was taken, %s says %q. If that is the wrong one, choose:",
		what(f.Name), f.Field, f.Example, other.Name, other.Example)}})
}

// remarkName tells that objects go by their ids, where there is a field that could be their name.
func (w *walk) remarkName(in *innius.Inspection, f innius.Fact) {
	if !strings.HasSuffix(f.Name, "_name") && f.Name != "unit" || in.Items == 0 || f.Missing < in.Items {
		return
	}
	likely := candidates(f.Name, in.Unknown)
	if len(likely) == 0 {
		return
	}
	instead := ": the id is taken"
	if f.Name == "unit" {
		instead = ""
	}
	w.find(&Finding{Kind: "no-" + f.Name, Severity: Note, Set: w.chooseField(f.Name, in.Unknown), Text: []string{
		"No field is known for the " + what(f.Name) + instead + ". It may be one of these:",
	}})
}

// remarkPage reports a page that is shorter than its limit although more follow, and one that is exactly full and does not
// say whether more follow.
func (w *walk) remarkPage(in *innius.Inspection) {
	limit := w.account.PageSize
	switch {
	case in.Operation == innius.OpCompany || in.Items == 0:
	case in.Next != "" && in.Items < limit:
		w.find(&Finding{Kind: "short-page", Severity: Note, Text: []string{fmt.Sprintf(
			"A page of %s was to hold up to %d and holds %d, although more follow. That is no harm.", in.Operation, limit, in.Items)}})
	case in.NextForm == "" && in.Items == limit && (in.Operation != innius.OpValues || in.Values.Order == innius.Ascending):
		w.fullPage(in)
	}
}

var leadsOn = regexp.MustCompile(`next|cursor|token|more|continu`)

// fullPage reports a list that may be cut: certainly where a field looks like the key of the next page, under a name that
// the exporter cannot be told.
func (w *walk) fullPage(in *innius.Inspection) {
	f := &Finding{Kind: "full-page", Severity: Warning, Text: []string{fmt.Sprintf(
		"The page of %s is exactly full (%d), and the response has no next_key. If there are more, the exporter does not see them: "+
			"compare the number with innius, or raise page_size.", in.Operation, in.Items)}}
	for _, field := range in.Unknown {
		if field.Beside && leadsOn.MatchString(field.Name) && field.Example != "null" && field.Example != "false" {
			f.Severity = Failure
			f.Text = append(f.Text, "The field "+quote(field.Name)+" may lead to the next page. No setting can express that: the exporter "+
				"follows next_key only. Please report it, with the response below.")
			f.Raw = in.Raw
			break
		}
	}
	w.find(f)
}
