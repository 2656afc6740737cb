package apicheck

import (
	"fmt"
	"strconv"
	"strings"

	"innius_exporter/innius"
)

// noMachines says why there is no machine to go on with.
func (w *walk) noMachines(total, filtered int) *Finding {
	if filtered > 0 {
		return fail("filtered", w.general("discovery:", "  machines:", `    include: [".*"]  # all of them`, "    exclude: []"),
			fmt.Sprintf("All %d machines that were listed are left out by the filters under discovery.machines.", total))
	}
	return fail("no-machines", w.account(w.keyLine()+"  # a key that may see machines", "endpoints:",
		w.endpoint(innius.OpMachines, w.template(innius.OpMachines))+"  # or is the list elsewhere?"),
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
	return fail("no-sensors", w.account("endpoints:",
		w.endpoint(innius.OpSensors, w.template(innius.OpSensors))+"  # is this the list of sensors?"),
		"No machine that was asked has a sensor: "+strings.Join(w.silent, ", ")+". Either they have none yet, or this key may not see "+
			"them, or the list is elsewhere.")
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
	set := w.account("fields:", "  "+f.Name+": "+quote(f.Field)+"  # as it is now", "  # or "+f.Name+": "+quote(other.Name))
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

// remarkPage tells of a server that gives fewer, or more, than a page was asked to hold.
func (w *walk) remarkPage(in *innius.Inspection) {
	limit := w.o.Account.PageSize
	if in.Operation == innius.OpCompany || in.Items == 0 || in.Next == "" || in.Items >= limit {
		return
	}
	set := w.account("page_size: " + strconv.Itoa(in.Items))
	w.find(&Finding{Kind: "short-page", Severity: Note, Set: set, Text: []string{fmt.Sprintf(
		"A page of %s was asked to hold %d and holds %d, although more follow: innius permits no larger ones. That is no harm; to "+
			"ask for what comes:", in.Operation, limit, in.Items)}})
}
