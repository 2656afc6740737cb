package apicheck

import (
	"fmt"
	"slices"
	"strings"
)

func (t *Text) finding(f Finding) {
	label := map[Severity]string{
		Failure: t.paint(red, "FAILURE"), Warning: t.paint(amber, "WARNING"), Note: t.paint(amber, "note"),
	}[f.Severity]
	first, more, _ := strings.Cut(wrap(string(f.Severity)+" ("+f.Kind+"): "+f.Text[0], width), "\n")
	fmt.Fprintln(t.W, label+first[len(f.Severity):])
	if more != "" {
		fmt.Fprintln(t.W, more)
	}
	for _, text := range f.Text[1:] {
		t.lines("", text)
	}
	if f.Set != "" {
		fmt.Fprintln(t.W)
		t.lines("", t.toSet(f))
		fmt.Fprintln(t.W)
		for line := range strings.Lines(f.Set) {
			fmt.Fprintln(t.W, t.paint(cyan, strings.TrimRight(line, "\n")))
		}
	}
	t.raw(f)
	fmt.Fprintln(t.W)
}

// toSet says where the YAML belongs.
func (t *Text) toSet(f Finding) string {
	what := "What to set"
	if f.Severity != Failure {
		what = "What could be set"
	}
	if t.ConfigFile != "" {
		return what + " in the config file (keep the other lines of the account):"
	}
	if identityOnly(f.Set) {
		return what + ", by " + t.URLSource + " and the source of the key as now, or in a file for --config.file:"
	}
	return what + ": save this as innius.yml, and start with --config.file=innius.yml instead of " + t.URLSource + ":"
}

// identityOnly reports whether the settings name nothing but what flags and variables can say.
func identityOnly(yaml string) bool {
	simple := []string{"accounts", "- name", "url", "api_key_env", "api_key_file", ""}
	for line := range strings.Lines(yaml) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), ":")
		if !strings.HasPrefix(name, "#") && !slices.Contains(simple, name) {
			return false
		}
	}
	return true
}

func (t *Text) raw(f Finding) {
	if f.Raw == "" {
		return
	}
	fmt.Fprintln(t.W)
	t.lines("", "Raw answer, cut and with the key masked - please include it when you report this:")
	fmt.Fprintln(t.W)
	for raw := []rune(f.Raw); len(raw) > 0; {
		n := min(len(raw), width)
		fmt.Fprintln(t.W, string(raw[:n]))
		raw = raw[n:]
	}
}
