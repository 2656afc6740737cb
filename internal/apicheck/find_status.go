package apicheck

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"innius_exporter/innius"
)

// refused says what a status other than 200 means.
func (w *walk) refused(in *innius.Inspection, e *innius.Error) *Finding {
	says := fmt.Sprintf("status %d, %q", e.Status, e.Message)
	switch {
	case e.Status == http.StatusUnauthorized, e.Status == http.StatusForbidden && aboutKey(in.Operation):
		return w.badKey(says)
	case e.Status == http.StatusForbidden:
		return fail(kindForbidden, w.account(w.keyLine()+"  # a key that may read the values, from the innius Admin app"),
			"The key may not read this object ("+says+").")
	case e.Status == http.StatusNotFound:
		return w.noPath(in, says)
	case e.Status == http.StatusProxyAuthRequired:
		return w.proxyRefuses(w.proxy(), e.Status)
	case e.Status == http.StatusBadRequest && strings.Contains(in.Raw, "HTTP request to an HTTPS server"):
		secure := *w.o.Account.URL
		secure.Scheme = "https"
		return fail("scheme", w.account("url: "+quote(w.show(secure.String()))), "The server at "+w.host()+" wants https://.")
	case e.Status == http.StatusBadRequest, e.Status == http.StatusUnprocessableEntity:
		return w.badParameter(in, e, says)
	case e.Status >= http.StatusInternalServerError:
		return fail("server", "", "innius, or a gateway before it, has a fault ("+says+"). There is nothing to set: try again in a few "+
			"minutes. The exporter itself tries again by itself.").shown(in)
	}
	return fail("status", w.account("endpoints:", w.endpoint(in.Operation, w.template(in.Operation))+"  # is this the path?"),
		"innius does not answer this path ("+says+").").shown(in)
}

// aboutKey reports whether a 403 on an operation is the key's: the company and its machines are not single objects.
func aboutKey(op innius.Operation) bool { return op == innius.OpCompany || op == innius.OpMachines }

func (w *walk) badKey(says string) *Finding {
	where := "A key is created in the innius Admin app, under API keys; white space around it does not matter, a missing " +
		"character does."
	if v := w.o.Account.Key.Variable(); v != "" {
		where += " The key came from the variable " + v + "."
	} else if f := w.o.Account.Key.File(); f != "" {
		where += " The key came from the file " + w.show(f) + "."
	}
	return fail("key", w.account(w.keyLine()+"  # put a valid key there"), "innius does not accept the key ("+says+").", where)
}

func (w *walk) noPath(in *innius.Inspection, says string) *Finding {
	if in.Operation == innius.OpCompany {
		return fail(kindPath, w.account(w.urlLine()+"  # is this the base URL, version and all?",
			"endpoints:", w.endpoint(in.Operation, w.template(in.Operation))+"  # and is this the path below it?"),
			"There is nothing at this path ("+says+"). The base URL, or the path of the operation below it, is not the one that the API "+
				"reference gives.").shown(in)
	}
	return fail(kindPath, w.account("endpoints:",
		w.endpoint(in.Operation, w.template(in.Operation))+"  # the path that the API reference gives"),
		"There is nothing at this path ("+says+"). The company was found, so the base URL is right; the path of the operation "+
			string(in.Operation)+" below it is not.").shown(in)
}

func (w *walk) badParameter(in *innius.Inspection, e *innius.Error, says string) *Finding {
	text := "innius does not accept a parameter (" + says + "). Sent were: " + parameters(in.Asked) + "."
	if in.Operation != innius.OpValues {
		return fail(kindParameter, w.account("endpoints:",
			w.endpoint(in.Operation, w.template(in.Operation))+"  # add or rename parameters here"), text).shown(in)
	}
	if w.o.Client.Windowed() {
		return fail(kindParameter, w.account(w.windowLines("")...),
			text, "A window of time may be wanted under other names, or in another unit.").shown(in)
	}
	return fail(kindParameter, w.account(w.windowLines(windows(e.Message)[0])...),
		text, "Most likely a window of time is wanted.").shown(in)
}

// parameters lists what was asked for in the query.
func parameters(asked string) string {
	_, query, _ := strings.Cut(asked, "?")
	if query == "" {
		return "none"
	}
	return strings.ReplaceAll(query, "&", ", ")
}

var number = regexp.MustCompile(`[0-9]+`)

// tooMuch looks whether a 400 was about the size of the page: with a smaller one the same request would be answered. It
// costs one request, and is proof.
func (w *walk) tooMuch(ctx context.Context, ask innius.Ask, in *innius.Inspection, failure *Finding) *Finding {
	size := w.smaller(in)
	if failure.Kind != kindParameter || !strings.Contains(in.Asked, "limit=") || size == 0 {
		return failure
	}
	if w.report.Requests >= w.limit || ctx.Err() != nil {
		return failure
	}
	ask.Limit = size
	if smaller, _ := w.ask(ctx, ask, fmt.Sprintf("again, with %d a page", size)); smaller.Status != http.StatusOK {
		return failure
	}
	return fail("page-size", w.account("page_size: "+strconv.Itoa(size)),
		fmt.Sprintf("innius does not permit %d results a page; with %d it answers.", w.o.Account.PageSize, size))
}

// smaller is the size of page that a refusal names, else a cautious one; 0 where there is none below the one in force.
func (w *walk) smaller(in *innius.Inspection) int {
	if e, ok := errors.AsType[*innius.Error](in.Err); ok {
		for _, digits := range number.FindAllString(e.Message, -1) {
			if n, err := strconv.Atoi(digits); err == nil && n > 1 && n < w.o.Account.PageSize {
				return n
			}
		}
	}
	if w.o.Account.PageSize > 10 {
		return 10
	}
	return 0
}

func (w *walk) tooMany(e *innius.RateLimitError) *Finding {
	when := "innius does not say when to try again; an hour is safe."
	if e.Stated {
		when = "Try again in " + span(e.RetryAfter) + "."
	}
	return fail("rate-limit", w.account("rate_limit:",
		"  requests_per_hour: "+strconv.FormatFloat(w.o.Account.RateLimit.RequestsPerHour, 'f', -1, 64)+
			"  # what innius permits this key",
		"  burst: "+strconv.Itoa(w.o.Account.RateLimit.Burst)+"  # and at once"),
		"The key's allowance is spent (status 429, "+strconv.Quote(e.Message)+"). "+when,
		"Whatever else uses this key spends the same allowance: an exporter that runs, too. If nothing else does, the limits below "+
			"are higher than innius'.")
}

// redirected proposes the base URL that the target shows, where it can be told.
func (w *walk) redirected(in *innius.Inspection, e *innius.RedirectError) *Finding {
	text := []string{fmt.Sprintf("innius sends this request elsewhere (status %d, to %s). The exporter does not follow, or your "+
		"key would go there.", e.Status, quote(in.Location))}
	target, err := w.o.Account.URL.Parse(in.Location)
	if err != nil || in.Location == "" {
		return fail("redirect", w.account(w.urlLine()+"  # an address that needs no redirect"), text...)
	}
	if full := w.o.Account.URL.Path + in.Asked; target.Host == w.o.Account.URL.Host && target.Path == full+"/" {
		return fail("redirect", w.account("endpoints:", w.endpoint(in.Operation, w.template(in.Operation)+"/")), text...)
	}
	text = append(text, "If the host "+quote(w.show(target.Host))+" is innius' own, this is the base URL to set; else the url is wrong.")
	return fail("redirect", w.account("url: "+quote(w.baseOf(target, in.Asked))+"  # only if that host is innius' own"), text...)
}

// baseOf is the base URL below which a redirect's target is the path that was asked for. Where it is another path, the
// base cannot be told, and the host alone is given.
func (w *walk) baseOf(target *url.URL, asked string) string {
	path, _, _ := strings.Cut(asked, "?")
	base := url.URL{Scheme: "https", Host: target.Host}
	if target.Host == w.o.Account.URL.Host {
		base.Scheme = target.Scheme
	}
	base.Path, _ = strings.CutSuffix(target.Path, path)
	if base.Path == target.Path {
		base.Path = w.o.Account.URL.Path
	}
	return w.show(base.String())
}
