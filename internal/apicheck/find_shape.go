package apicheck

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"innius_exporter/innius"
)

// notUnderstood explains what is strange about a response.
func (w *walk) notUnderstood(in *innius.Inspection, e *innius.ResponseError) *Finding {
	url, path := w.urlSetting(), w.pathSetting(in.Operation)
	switch {
	case strings.HasPrefix(e.Detail, "the API returned the key"):
		return fail(kindEcho, "", "The exporter uses no response that holds the key: "+e.Detail+". No setting can express that: "+
			"innius, or a gateway before it, must not send the key back. Please report it to innius.")
	case in.Form == innius.FormHTML:
		return fail("html", w.yaml(url, path), "A web page came instead of data: "+e.Detail+". The url is that of a web site, or a "+
			"sign-in page comes before the API. The API reference has the base URL.").shown(in)
	case in.Form == innius.FormEmpty && strings.HasPrefix(e.Detail, "the body"):
		return fail("broken", w.yaml(Setting{"page_size", max(1, w.account.PageSize/10)}),
			"The response is incomplete: "+e.Detail+". Try again; smaller pages are safer.")
	case in.Form == innius.FormEmpty, in.Form == innius.FormOther:
		return fail("not-json", w.yaml(url, path), "The response is no JSON: "+e.Detail+". The url, or the path, is wrong.").shown(in)
	}
	if f := w.withoutField(in); f != nil {
		return f
	}
	if len(in.IDs) > 1 && in.Operation == innius.OpCompany {
		return fail(kindCompanies, "", "The response holds several companies: "+w.show(strings.Join(in.IDs, ", "))+".")
	}
	f := fail("shape", w.yaml(path), "The response is JSON in a shape that is not known: "+e.Detail+". If the path is right, "+
		"please report it, with the response below.").shown(in)
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
	return w.only(names, func() bool { return w.client.Reread(in).Err == nil })
}

// only returns the one setting in force with which a response is good. Of several, each would be a guess.
func (w *walk) only(choices []Setting, good func() bool) (likely [][]Setting) {
	account, client := w.account, w.client
	for _, s := range choices {
		if w.use([]Setting{s}) && good() {
			likely = append(likely, []Setting{s})
		}
		w.account, w.client = account, client
	}
	if len(likely) > 1 {
		return nil
	}
	return likely
}

// withoutField is a response whose list was found, while its items lack something that they must have; nil where that is
// not what is wrong.
func (w *walk) withoutField(in *innius.Inspection) *Finding {
	for _, f := range in.Facts {
		needed := strings.HasSuffix(f.Name, "_id") || f.Name == "time" || f.Name == "value"
		if !needed || f.Missing == 0 || f.Missing < in.Items && !strings.HasSuffix(f.Name, "_id") {
			continue
		}
		found := fail(f.Name[strings.Index(f.Name, "_")+1:]+"-field", w.chooseField(f.Name, in.Unknown), fmt.Sprintf(
			"%d of %d items have no known field for the %s: looked for %s. Not understood are: %s.",
			f.Missing, in.Items, what(f.Name), strings.Join(f.Known, ", "), cmp.Or(names(in.Unknown), "none"))).shown(in)
		if len(candidates(f.Name, in.Unknown)) == 0 {
			found.Text = append(found.Text, "None of these can be it. If the response below holds it in another way, please report it.")
		}
		found.tries = append(w.lists(in), choose(found, f.Name, holders(f, in))...)
		return found
	}
	return nil
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

// chooseField is YAML that names the likeliest field for a fact; empty where none could be it.
func (w *walk) chooseField(fact string, unknown []innius.Field) string {
	likely := candidates(fact, unknown)
	if len(likely) == 0 {
		return ""
	}
	return w.yaml(Setting{"fields." + fact, likely[0].Name})
}

var (
	idLike    = regexp.MustCompile(`id|key|code|nr|number|serial|tag|ref`)
	nameLike  = regexp.MustCompile(`name|label|title|descr|caption|alias`)
	unitLike  = regexp.MustCompile(`unit|uom|dimension|measure`)
	valueLike = regexp.MustCompile(`^v`)
)

// holders are the fields that could hold a fact instead of the one that was taken: known ones before others.
func holders(fact innius.Fact, in *innius.Inspection) []innius.Field {
	if alternatives := candidates(fact.Name, fact.Alternatives); len(alternatives) > 0 {
		return alternatives
	}
	return candidates(fact.Name, in.Unknown)
}

// candidates are the fields that could hold a fact, the likeliest first.
func candidates(fact string, unknown []innius.Field) []innius.Field {
	could, like := func(f innius.Field) bool { return f.Distinct }, idLike
	switch {
	case fact == "time":
		could = func(f innius.Field) bool { return f.Time && !f.Constant }
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
		case f.Outer || !could(f):
		case like.MatchString(f.Name):
			likely = append(likely, f)
		default:
			others = append(others, f)
		}
	}
	return append(likely, others...)
}
