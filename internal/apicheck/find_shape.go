package apicheck

import (
	"fmt"
	"regexp"
	"strings"

	"innius_exporter/innius"
)

// notUnderstood says what is strange about an answer that came.
func (w *walk) notUnderstood(in *innius.Inspection, e *innius.AnswerError) *Finding {
	switch {
	case strings.HasPrefix(e.Detail, "the API returned the key"):
		return fail(kindEcho, "", "The exporter uses no response that holds the key: "+e.Detail+". No setting can express that: innius, or a "+
			"gateway before it, must not send the key back. Please report it to innius.")
	case in.Form == innius.FormHTML:
		return fail("html", w.yaml(w.addresses(in)...),
			"A web page came instead of data: "+e.Detail+". The url leads to a web site, or a sign-in page stands before the API. The "+
				"base URL of the API stands in its API reference; often it begins with api.").shown(in)
	case in.Form == innius.FormEmpty && strings.HasPrefix(e.Detail, "the body"):
		return fail("broken", w.yaml(fmt.Sprintf("page_size: %d", max(1, w.account.PageSize/10))),
			"The answer did not come whole: "+e.Detail+". Try again; smaller pages are safer.")
	case in.Form == innius.FormEmpty, in.Form == innius.FormOther:
		return fail("not-json", w.yaml(w.addresses(in)...),
			"What came is no JSON: "+e.Detail+". The url, or the path of the operation, is not the API's.").shown(in)
	}
	if f := w.withoutField(in); f != nil {
		return f
	}
	f := fail("shape", w.yaml(w.pathLines(in.Operation, "is this the operation?")...),
		"The answer is JSON, but not in a shape that is known: "+e.Detail+".",
		"If the path is right, the exporter must learn this shape: please report it, with the answer below.").shown(in)
	f.tries = w.lists(in)
	return f
}

// lists are the fields of data that may hold the list, where only one of them does without an error.
func (w *walk) lists(in *innius.Inspection) [][]Setting {
	var names []Setting
	for _, f := range in.Unknown {
		if name, inData := strings.CutPrefix(f.Name, "data."); inData && f.Example == "a list" && in.Operation != innius.OpCompany {
			names = append(names, Setting{"fields." + string(in.Operation), name})
		}
	}
	return w.only(in, names, func(again *innius.Inspection) bool { return again.Err == nil })
}

// only returns the one choice of fields with which a response is good. Of several, each would be a guess.
func (w *walk) only(in *innius.Inspection, choices []Setting, good func(*innius.Inspection) bool) (likely [][]Setting) {
	account, client := w.account, w.client
	for _, s := range choices {
		if w.use([]Setting{s}) && good(w.client.Reread(in)) {
			likely = append(likely, []Setting{s})
		}
		w.account, w.client = account, client
	}
	if len(likely) > 1 {
		return nil
	}
	return likely
}

// addresses are the two lines that say where an operation is asked for.
func (w *walk) addresses(in *innius.Inspection) []string {
	return append([]string{w.urlLine() + "  # is this the base URL of the API?"},
		w.pathLines(in.Operation, "and is this the path below it?")...)
}

// withoutField is an answer whose list was found, while its items lack something that they must have; nil where that is
// not what is wrong.
func (w *walk) withoutField(in *innius.Inspection) *Finding {
	for _, f := range in.Facts {
		needed := strings.HasSuffix(f.Name, "_id") || f.Name == "time" || f.Name == "value"
		if in.Items == 0 || !needed || f.Missing == 0 || f.Missing < in.Items && !strings.HasSuffix(f.Name, "_id") {
			continue
		}
		set := w.chooseField(f.Name, in.Unknown)
		text := fmt.Sprintf("No field is known for the %s: looked for %s.", what(f.Name), strings.Join(f.Known, ", "))
		if f.Missing < in.Items {
			text = fmt.Sprintf("%d of %d items have no %s in: %s.", f.Missing, in.Items, what(f.Name), strings.Join(f.Known, ", "))
		}
		found := fail(f.Name[strings.Index(f.Name, "_")+1:]+"-field", set, text+notUnderstood(in.Unknown)).shown(in)
		if len(candidates(f.Name, in.Unknown)) == 0 {
			found.Text = append(found.Text, "None of these looks like one. If the answer below holds it in another way, the "+
				"exporter must learn that shape: please report it.")
		}
		found.tries = append(w.lists(in), choose(f, in.Unknown)...)
		return found
	}
	return nil
}

// notUnderstood says which fields are left to choose from.
func notUnderstood(unknown []innius.Field) string {
	if len(unknown) == 0 {
		return " There are no other fields."
	}
	return " Not understood are: " + names(unknown) + "."
}

func what(fact string) string {
	switch fact {
	case "time", "value":
		return fact + " of a reading"
	}
	owner, kind, _ := strings.Cut(fact, "_")
	if kind == "" {
		return fact
	}
	return kind + " of a " + owner
}

// chooseField is YAML that names the likeliest field for a fact; the others that could be it stand beside.
func (w *walk) chooseField(fact string, unknown []innius.Field) string {
	likely := candidates(fact, unknown)
	if len(likely) == 0 {
		return w.yaml("fields:", "  "+fact+": "+quote("the field's name")+"  # the one that holds it")
	}
	lines := []string{"fields:", "  " + fact + ": " + quote(likely[0].Name) + "  # here: " + likely[0].Example}
	for _, other := range likely[1:min(len(likely), 4)] {
		lines = append(lines, "  # or "+fact+": "+quote(other.Name)+"  # here: "+other.Example)
	}
	return w.yaml(lines...)
}

var (
	idLike    = regexp.MustCompile(`id|key|code|nr|number|serial|tag|ref`)
	nameLike  = regexp.MustCompile(`name|label|title|descr|caption|alias`)
	unitLike  = regexp.MustCompile(`unit|uom|dimension|measure`)
	valueLike = regexp.MustCompile(`^v`)
)

// candidates are the fields that could hold a fact, the likeliest first.
func candidates(fact string, unknown []innius.Field) []innius.Field {
	could, like := func(f innius.Field) bool { return f.Distinct }, idLike
	switch {
	case fact == "time":
		could = func(f innius.Field) bool { return f.Time }
	case fact == "value":
		could, like = func(f innius.Field) bool { return f.Number && !f.Time }, valueLike
	case strings.HasSuffix(fact, "_name"):
		could, like = func(f innius.Field) bool { return f.Distinct && !f.Number && !f.Time }, nameLike
	case fact == "unit":
		could = func(f innius.Field) bool { return unitLike.MatchString(f.Name) }
	}
	var likely, others []innius.Field
	for _, f := range unknown {
		switch {
		case f.Beside || !could(f):
		case like.MatchString(f.Name):
			likely = append(likely, f)
		default:
			others = append(others, f)
		}
	}
	return append(likely, others...)
}
