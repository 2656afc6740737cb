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

// refused says what a status code other than 200 means.
func (w *walk) refused(in *innius.Inspection, e *innius.Error) *Finding {
	says := fmt.Sprintf("status %d, %q", e.Status, e.Message)
	switch {
	case e.Status == http.StatusUnauthorized:
		return w.badKey(says)
	case e.Status == http.StatusForbidden, e.Status == http.StatusNotFound:
		return w.absent(in, e, says)
	case e.Status == http.StatusProxyAuthRequired:
		return w.proxyRefuses(w.proxy(), e.Status)
	case e.Status == http.StatusBadRequest && strings.Contains(in.Raw, "HTTP request to an HTTPS server"):
		secure := *w.account.URL
		secure.Scheme = "https"
		f := fail("scheme", w.yaml("url: "+quote(w.show(secure.String()))), "The server at "+w.host()+" wants https://.")
		f.tries = [][]Setting{{{"url", secure.String()}}}
		return f
	case e.Status == http.StatusBadRequest, e.Status == http.StatusUnprocessableEntity:
		return w.badParameter(in, e, says)
	case e.Status >= http.StatusInternalServerError:
		return fail("server", "", "innius, or a gateway before it, has a fault ("+says+"). There is nothing to set: try again in a few "+
			"minutes. The exporter itself tries again by itself.").shown(in)
	}
	return fail("status", w.yaml(w.pathLines(in.Operation, "is this the path?")...),
		"innius does not answer this path ("+says+").").shown(in)
}

func (w *walk) badKey(says string) *Finding {
	return fail("key", w.yaml(w.keyLine()+"  # put a valid key there"), "innius does not accept the key ("+says+").", w.aboutKey())
}

func (w *walk) aboutKey() string {
	where := "A key is created in the innius Admin app, under API keys; white space around it does not matter, a missing " +
		"character does."
	if v := w.account.Key.Variable(); v != "" {
		where += " The key came from the variable " + v + "."
	} else if f := w.account.Key.File(); f != "" {
		where += " The key came from the file " + w.show(f) + "."
	}
	return where
}

// absent says what a 403 or a 404 means. API gateways send a 403 for a path that they do not know, so once a request with the
// same key has succeeded, the key is the least likely cause.
func (w *walk) absent(in *innius.Inspection, e *innius.Error, says string) *Finding {
	path := "endpoints." + string(in.Operation)
	lines := w.pathLines(in.Operation, "the path that the API reference gives")
	f := fail(kindPath, "", "There is nothing at this path ("+says+").").shown(in)
	if e.Status == http.StatusForbidden && !e.UnknownPath() {
		f = fail(kindForbidden, "", "The API refuses this object ("+says+").")
	}
	first := len(w.succeeded) == 0
	if first {
		lines = append([]string{w.urlLine() + "  # is this the base URL, version and all?"}, lines...)
	}
	switch {
	case in.Operation == innius.OpMachines:
		source := "the response for the company"
		if w.account.CompanyID != "" {
			source = "company_id in the config"
		}
		f.Text = append(f.Text, "The id of the company in this request is "+w.name(w.company.ID)+", from "+source+". If innius has another "+
			"id for it, set company_id. If not, the path ("+path+") is wrong.")
	case first:
		f.Text = append(f.Text, "The base URL, or the path of the operation below it ("+path+"), is not the one that the API reference gives.")
	case f.Kind == kindPath:
		f.Text = append(f.Text, "Other requests succeeded, so the base URL is right; the path below it ("+path+") is not.")
	default:
		f.Text = append(f.Text, "Other requests with this key succeeded. Check the path ("+path+") first.")
	}
	if e.Status == http.StatusForbidden && !first {
		f.Text = append(f.Text, "Then check in the innius Admin app whether the key may read this object. Check the key itself last.")
	} else if e.Status == http.StatusForbidden {
		f.Text = append(f.Text, "If the path is right, innius does not accept the key. "+w.aboutKey())
		lines = append(lines, w.keyLine()+"  # and is this a valid key?")
		if !e.UnknownPath() {
			f.Kind = "key"
		}
	}
	f.Set = w.yaml(lines...)
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

// badParameter proposes what the message of a refusal suggests, and what is usual.
func (w *walk) badParameter(in *innius.Inspection, e *innius.Error, says string) *Finding {
	text := "innius does not accept a parameter (" + says + "). Sent were: " + parameters(in.Asked) + "."
	f := fail(kindParameter, w.yaml(w.pathLines(in.Operation, "add or rename parameters here")...), text).shown(in)
	if in.Operation == innius.OpValues {
		f.Set = w.yaml(w.pathLines(in.Operation, windowHint)...)
		f.Text = append(f.Text, "A window of time may be wanted, or be wanted under other names, or in another unit.")
	}
	for _, hinted := range []bool{true, false} { // what the message suggests comes first
		for _, group := range []struct {
			hinted bool
			tries  [][]Setting
		}{
			{true, w.otherNames(in.Operation, e.Message)},
			{aboutSize.MatchString(e.Message), w.sizes(in.Operation, e.Message)},
			{aboutRange.MatchString(e.Message), w.lookbacks(in.Operation, e.Message)},
			{true, w.windows(in.Operation, e.Message)},
		} {
			if group.hinted == hinted {
				f.tries = append(f.tries, group.tries...)
			}
		}
	}
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

// parameters lists what was asked for in the query.
func parameters(asked string) string {
	_, query, _ := strings.Cut(asked, "?")
	return cmp.Or(strings.ReplaceAll(query, "&", ", "), "none")
}

func (w *walk) tooMany(e *innius.RateLimitError) *Finding {
	when := "innius does not say when to try again; an hour is safe."
	if e.Stated {
		when = "Try again in " + span(e.RetryAfter) + "."
	}
	return fail("rate-limit", w.yaml("rate_limit:",
		"  requests_per_hour: "+strconv.FormatFloat(w.account.RateLimit.RequestsPerHour, 'f', -1, 64)+
			"  # what innius permits this key",
		"  burst: "+strconv.Itoa(w.account.RateLimit.Burst)+"  # and at once"),
		"The key's allowance is spent (status 429, "+strconv.Quote(e.Message)+"). "+when,
		"Whatever else uses this key spends the same allowance: an exporter that runs, too. If nothing else does, the limits below "+
			"are higher than innius'.")
}

// redirected proposes the base URL that the target shows, where it can be told. Only a target on the same host is tried: the
// key goes to no other.
func (w *walk) redirected(in *innius.Inspection, e *innius.RedirectError) *Finding {
	f := fail("redirect", w.yaml(w.urlLine()+"  # an address that needs no redirect"),
		fmt.Sprintf("innius sends this request elsewhere (status %d, to %s). The exporter does not follow, or your "+
			"key would go there.", e.Status, quote(in.Location)))
	target, err := w.account.URL.Parse(in.Location)
	if err != nil || in.Location == "" {
		return f
	}
	setting := Setting{"url", w.baseOf(target, in.Asked)}
	if path, _, _ := strings.Cut(in.Asked, "?"); target.Host == w.account.URL.Host && target.Path == w.account.URL.Path+path+"/" {
		path, query, _ := strings.Cut(w.template(in.Operation), "?")
		setting = endpoint(in.Operation, withQuery(path+"/", query))
	}
	f.Set = w.yaml("url: " + quote(w.baseOf(target, in.Asked)) + "  # only if that host is innius' own")
	if target.Host == w.account.URL.Host && target.Scheme == w.account.URL.Scheme {
		f.tries = [][]Setting{{setting}}
	}
	f.Text = append(f.Text, "If the host "+quote(w.show(target.Host))+" is innius' own, this is the base URL to set; else the url is wrong.")
	return f
}

// baseOf is the base URL below which a redirect's target is the path that was asked for. Where it is another path, the
// base cannot be told, and the host alone is given.
func (w *walk) baseOf(target *url.URL, asked string) string {
	path, _, _ := strings.Cut(asked, "?")
	base := url.URL{Scheme: "https", Host: target.Host}
	if target.Host == w.account.URL.Host {
		base.Scheme = target.Scheme
	}
	base.Path, _ = strings.CutSuffix(target.Path, path)
	if base.Path == target.Path {
		base.Path = w.account.URL.Path
	}
	return w.show(base.String())
}
