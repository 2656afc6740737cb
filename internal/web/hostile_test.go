package web

import (
	"fmt"
	"html/template"
	"regexp"
	"slices"
	"strings"
	"testing"

	"innius_exporter/internal/status"
)

// hostile are names that try to inject markup.
var hostile = []string{
	`<script>alert("1")</script>&'`, `"><img src=x onerror=alert(1)>`, `" onmouseover="alert(1)`, `' onfocus='alert(1)`,
	`javascript:alert(1)`, `</title></svg><script>alert(1)</script>`, `{{.}}<!--`, `--></style></script><b>`, "\u202Egnirts\u2066",
	"nul\x00byte", "not utf-8 \xff\xfe", "`${alert(1)}`", strings.Repeat("<b>x", 16<<10),
}

func hostileStatus(name string) status.Status {
	s := plant(1, 2, 2)
	a := &s.Accounts[0]
	a.Name, a.Company, a.LastError, a.LastErrorAt, a.Health, a.Failure, a.Lowered = name, name, name, ago(0), name, name, name
	a.PauseReason, a.Plan, a.Discovery.Text = name, name, name
	a.Remarks, s.Unmatched = []string{name}, []string{name}
	s.Receivers = []status.Receiver{{Name: name, LastError: name, LastErrorAt: ago(0)}}
	for i := range a.Machines {
		m := &a.Machines[i]
		m.Machine, m.ID, m.Name, m.Note = name, name, name, name
		edit(m, func(_ int, one *status.Sensor) {
			one.Sensor, one.ID, one.Name, one.Unit, one.Reason, one.Missed = name, name, name, name, name, name
		})
	}
	a.Machines[1].Sensors = status.Sensors{}
	return s
}

// tags matches what a browser would parse as a tag or a comment.
var tags = regexp.MustCompile(`<[a-zA-Z/!][^>]*>`)

// Rows have texts as html/template writes them.
func TestRowsEscapeAsTemplates(t *testing.T) {
	for _, name := range append(hostile, "plain") {
		var want strings.Builder
		if err := template.Must(template.New("").Parse(`<b title="{{.}}">{{.}}</b>`)).Execute(&want, name); err != nil {
			t.Fatal(err)
		}
		if got := markup(nil).raw(`<b title="`).text(name).raw(`">`).text(name).raw("</b>"); string(got) != want.String() {
			t.Errorf("%.200q, want %.200q", got, want.String())
		}
	}
}

// A page of hostile names has the same elements and attributes as a page of harmless names.
func TestStatusPageEscapesHostileNames(t *testing.T) {
	for _, accounts := range []int{1, 2} { // two are a summary
		testHostileNames(t, func(name string) status.Status {
			s := hostileStatus(name)
			s.Accounts, s.Several, s.Summary = slices.Repeat(s.Accounts, accounts), accounts > 1, accounts > 1
			return s
		})
	}
}

func testHostileNames(t *testing.T, named func(string) status.Status) {
	t.Helper()
	_, harmless := get(t, named("harmless"), "/status")
	want := shape(harmless)
	for _, name := range hostile {
		code, body := get(t, named(name), "/status")
		if code != 200 {
			t.Errorf("%.40q: status %d", name, code)
		}
		if got := shape(body); got != want {
			t.Errorf("%.40q changes the markup:\n%s", name, firstDifference(got, want))
		}
		if len(body) > 4*len(harmless)+20*len(name)*6 {
			t.Errorf("%.40q: a page of %d bytes", name, len(body))
		}
	}
}

// attribute matches attributes whose values differ.
var attribute = regexp.MustCompile(`(title|data-id|href)="[^"]*"`)

// shape is the markup of a page without its texts.
func shape(body string) string {
	_, body, _ = strings.Cut(body, "<body>")
	body, _, _ = strings.Cut(body, "<script>")
	return attribute.ReplaceAllString(strings.Join(tags.FindAllString(body, -1), "\n"), "")
}

func firstDifference(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("element %d: %.200s, want %.200s", i, a[i], b[i])
		}
	}
	return fmt.Sprintf("%d elements, want %d", len(a), len(b))
}

// A name that changes the text direction must not change that of the text around it.
func TestStatusPageIsolatesNames(t *testing.T) {
	_, body := get(t, hostileStatus("\u202Egnirts"), "/status")
	isolated := regexp.MustCompile(`(title|data-id)="|<bdi>|<dd>|<p>|<p class="problem">`)
	for _, part := range regexp.MustCompile(`.{0,60}\x{202E}gnirts`).FindAllString(body, -1) {
		if starts := isolated.FindAllStringIndex(part, -1); !strings.HasPrefix(part[starts[len(starts)-1][1]:], "\u202E") {
			t.Errorf("%q is not isolated", part)
		}
	}
}

func TestStatusPageCutsLongNames(t *testing.T) {
	_, body := get(t, hostileStatus(strings.Repeat("ä", 32<<10)), "/status")
	s := hostileStatus("x")
	edit(&s.Accounts[0].Machines[0], func(_ int, one *status.Sensor) { one.Sensor = strings.Repeat("ä", 32<<10) })
	if _, one := get(t, s, "/status"); strings.Contains(one, strings.Repeat("ä", 200)) || !strings.Contains(one, "ää…") {
		t.Error("it is not cut")
	}
	if !strings.Contains(body, "…") {
		t.Error("no mark where it was cut")
	}
}
