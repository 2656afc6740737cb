package apicheck

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"innius_exporter/innius"
)

// refused explains a status code other than 200.
func (w *walk) refused(in *innius.Inspection, e *innius.Error) *Finding {
	status := fmt.Sprintf("status %d, %q", e.Status, e.Message)
	switch {
	case e.Status == http.StatusUnauthorized:
		return fail("key", w.yaml(w.keySetting()), w.badKey(status))
	case e.Status == http.StatusForbidden, e.Status == http.StatusNotFound:
		return w.absent(in, e, status)
	case e.Status == http.StatusProxyAuthRequired:
		return w.proxyRefuses(w.proxy(), e.Status)
	case e.Status == http.StatusBadRequest && strings.Contains(in.Raw, "HTTP request to an HTTPS server"):
		secure := *w.account.URL
		secure.Scheme = "https"
		f := fail("scheme", w.yaml(w.urlSetting()), "The server at "+w.show(secure.Host)+" requires https://.")
		f.tries = [][]Setting{{{"url", secure.String()}}}
		return f
	case e.Status == http.StatusBadRequest, e.Status == http.StatusUnprocessableEntity:
		return w.badParameter(in, e, status)
	case e.Status >= http.StatusInternalServerError:
		return fail("server", "", "innius, or a gateway before it, has a fault ("+status+").", "There is nothing to set: try again in a "+
			"few minutes. The exporter retries by itself.").shown(in)
	}
	return fail("status", w.yaml(w.pathSetting(in.Operation)), "The API does not support this request ("+status+").").shown(in)
}

func (w *walk) badKey(status string) string {
	source := w.keySetting()
	return fmt.Sprintf("innius does not accept the key (%s). It comes from %s: %s. Keys are created in the innius Admin app.",
		status, source.Path, source.Value)
}

// absent explains a 403 or a 404. API gateways send a 403 for a path that they do not know, so once a request with the
// same key has succeeded, the key is the least likely cause.
func (w *walk) absent(in *innius.Inspection, e *innius.Error, status string) *Finding {
	path := endpoint(in.Operation, "").Path
	settings := []Setting{w.pathSetting(in.Operation)}
	f := fail(kindPath, "", "There is nothing at this path ("+status+").").shown(in)
	if e.Status == http.StatusForbidden && !e.UnknownPath() {
		f = fail(kindForbidden, "", "The API refuses this object ("+status+").")
	}
	first := len(w.succeeded) == 0
	switch {
	case in.Operation == innius.OpMachines:
		source := "the response for the company"
		if w.account.CompanyID != "" {
			source = "company_id in the config"
		}
		f.Text = append(f.Text, "The id of the company in this request is "+w.name(w.company.ID)+", from "+source+". If innius has "+
			"another id for it, set company_id. If not, the path ("+path+") is wrong.")
	case first:
		f.Text = append(f.Text, "The url, or the path below it ("+path+"), is not the one that the API reference gives.")
	default:
		f.Text = append(f.Text, "Other requests with this key succeeded. Check the path ("+path+") first.")
	}
	if first {
		settings = append([]Setting{w.urlSetting()}, settings...)
	}
	if e.Status == http.StatusForbidden && !first {
		f.Text = append(f.Text, "Then check in the innius Admin app whether the key may read this object. Check the key itself last.")
	} else if e.Status == http.StatusForbidden {
		f.Text = append(f.Text, "If the path is right, "+w.badKey(status))
		settings = append(settings, w.keySetting())
		if !e.UnknownPath() {
			f.Kind = "key"
		}
	}
	f.Set, f.tries = w.yaml(settings...), w.otherIDs(in.Operation)
	return f
}

var (
	number     = regexp.MustCompile(`[0-9]+`)
	word       = regexp.MustCompile(`[A-Za-z_]+`)
	aboutSize  = regexp.MustCompile(`(?i)limit|size|page|results|items`)
	aboutRange = regexp.MustCompile(`(?i)range|window|longer|span|exceed|at most|history`)
	period     = regexp.MustCompile(`(?i)([0-9]+) ?(d|h|min|m)`)

	parameterNames = map[string]*regexp.Regexp{ // that APIs give to these
		"limit":     regexp.MustCompile(`(?i)^(max|(max_?)?(limit|size|count|page_?size|per_?page|results|rows|top))$`),
		"start_key": regexp.MustCompile(`(?i)^(start_?key|next_?key|cursor|.*token|after|offset|exclusive_?start_?key)$`),
	}
)

// badParameter proposes what the message of a refusal suggests, then what is usual.
func (w *walk) badParameter(in *innius.Inspection, e *innius.Error, status string) *Finding {
	_, sent, _ := strings.Cut(in.Request, "?")
	f := fail(kindParameter, w.yaml(w.pathSetting(in.Operation)), "The API does not accept a parameter ("+status+"). Sent were: "+
		cmp.Or(strings.ReplaceAll(sent, "&", ", "), "none")+".").shown(in)
	if in.Operation == innius.OpValues {
		f.Text = append(f.Text, windowHint)
	}
	window, _ := namesOf(e.Message)
	var usual [][]Setting
	for _, group := range []struct {
		hinted bool
		tries  [][]Setting
	}{
		{true, w.otherNames(in.Operation, e.Message)},
		{aboutSize.MatchString(e.Message) && window == nil, w.sizes(in.Operation, e.Message)},
		{aboutRange.MatchString(e.Message), w.lookbacks(in.Operation, e.Message)},
		{true, w.windows(in.Operation, e.Message)},
	} {
		if group.hinted {
			f.tries = append(f.tries, group.tries...)
		} else {
			usual = append(usual, group.tries...)
		}
	}
	f.tries = append(f.tries, usual...)
	return f
}

// otherNames is a template with the names of limit and start_key that a message gives.
func (w *walk) otherNames(op innius.Operation, message string) [][]Setting {
	template := w.template(op)
	for _, usual := range []string{"limit", "start_key"} {
		for _, name := range word.FindAllString(message, -1) {
			if name != usual && parameterNames[usual].MatchString(name) && !strings.Contains(template, "{"+usual+"}") {
				template = withQuery(template, name+"={"+usual+"}")
			}
		}
	}
	if template == w.template(op) {
		return nil
	}
	return [][]Setting{{endpoint(op, template)}}
}

// sizes are smaller pages: the size that a message names, and a cautious one.
func (w *walk) sizes(op innius.Operation, message string) (tries [][]Setting) {
	if op == innius.OpCompany {
		return nil
	}
	for _, digits := range append(number.FindAllString(message, -1), "10") {
		if n, err := strconv.Atoi(digits); err == nil && n > 1 && n < w.account.PageSize {
			tries = append(tries, []Setting{{"page_size", n}})
		}
	}
	return tries[:min(len(tries), 2)]
}

// lookbacks are shorter windows: the one that a message names, and cautious ones.
func (w *walk) lookbacks(op innius.Operation, message string) (tries [][]Setting) {
	if op != innius.OpValues || !w.client.Windowed() {
		return nil
	}
	units := map[byte]time.Duration{'d': 24 * time.Hour, 'h': time.Hour, 'm': time.Minute}
	spans := []time.Duration{6 * time.Hour, time.Hour}
	if m := period.FindStringSubmatch(message); m != nil {
		n, _ := strconv.Atoi(m[1])
		spans = append([]time.Duration{time.Duration(n) * units[strings.ToLower(m[2])[0]]}, spans...)
	}
	for _, d := range spans {
		if d >= time.Minute && d < w.account.Lookback {
			tries = append(tries, []Setting{{"lookback", model.Duration(d).String()}})
		}
	}
	return tries
}

func (w *walk) tooMany(e *innius.RateLimitError) *Finding {
	when := "The response does not state when to try again; wait an hour."
	if e.Stated {
		when = "Try again in " + span(e.RetryAfter) + "."
	}
	return fail("rate-limit", w.yaml(Setting{"rate_limit.requests_per_hour", w.account.RateLimit.RequestsPerHour},
		Setting{"rate_limit.burst", w.account.RateLimit.Burst}),
		"The key's rate limit is reached (status 429, "+strconv.Quote(e.Message)+"). "+when,
		"Every other user of this key counts, a running exporter, too. If there is none, set the limits that innius permits.")
}

// redirected proposes the base URL that the target shows. Only a target on the same host is tried: the key goes to no other.
func (w *walk) redirected(in *innius.Inspection, e *innius.RedirectError) *Finding {
	f := fail("redirect", w.yaml(w.urlSetting()), fmt.Sprintf("innius redirects this request (status %d, to %q). The exporter does "+
		"not follow, or your key would go there.", e.Status, in.Location))
	target, err := w.account.URL.Parse(in.Location)
	if err != nil || in.Location == "" {
		return f
	}
	f.Text = append(f.Text, "Set this url only if innius owns the host "+w.name(target.Host)+"; else the url is wrong.")
	path, _, _ := strings.Cut(in.Request, "?")
	base := url.URL{Scheme: "https", Host: target.Host, Path: w.account.URL.Path}
	if below, found := strings.CutSuffix(target.Path, path); found {
		base.Path = below
	}
	setting := Setting{"url", w.show(base.String())}
	f.Set = w.yaml(setting)
	if target.Host != w.account.URL.Host || target.Scheme != w.account.URL.Scheme {
		return f
	}
	base.Scheme = target.Scheme
	setting.Value = w.show(base.String())
	if target.Path == w.account.URL.Path+path+"/" {
		path, query, _ := strings.Cut(w.template(in.Operation), "?")
		setting = endpoint(in.Operation, withQuery(path+"/", query))
	}
	f.Set, f.tries = w.yaml(setting), [][]Setting{{setting}}
	return f
}
