package config

import (
	"bytes"
	"fmt"
	"io"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v4"

	"innius_exporter/internal/humanize"
)

// YAML returns the config as a file that loads as the same config: with every default, with resolved paths, and without keys.
// Where a value of a header, the query of a receiver's URL or what could be a key in the path of a URL stood, it has <secret>. A
// key that comes from neither file nor variable, such as the demo's, has no place in a file; a comment replaces it.
func (c *Config) YAML() string {
	var text bytes.Buffer
	text.WriteString("# The config in force, with every default filled in. Keys are not shown, only where they come from.\n")
	for _, a := range c.Accounts {
		if a.KeyFile == "" && a.KeyEnv == "" {
			fmt.Fprintf(&text, "# The key of account %q was made by the program itself.\n", a.Name)
		}
	}
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	if err := encoder.Encode(encode(reflect.ValueOf(*c), "")); err != nil {
		return fmt.Sprintf("# The config cannot be written: %v\n", err) // texts and numbers always can
	}
	return c.withoutKeys(text.String()) // one may have been changed to a text of the config
}

// withoutKeys masks the keys of accounts in YAML.
func (c *Config) withoutKeys(text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		for _, a := range c.Accounts {
			if key := a.Key.known().Reveal(); holdsKey(line, []Account{a}) {
				line = strings.ReplaceAll(line, key, "<secret>")
			}
		}
		if holdsKey(line, c.Accounts) { // in another form
			name, _, _ := strings.Cut(line, ": ")
			line = name + ": <secret>\n"
		}
		out.WriteString(line)
	}
	return out.String()
}

// ShownURL returns a URL as it may be shown to others: what could be a key in its path is masked.
func ShownURL(u *url.URL) string {
	host := *u
	host.Path, host.RawPath = "", ""
	return host.String() + maskedRuns(u.EscapedPath())
}

// encode returns a value as YAML. A key that is not set and has no default is left out.
func encode(v reflect.Value, tag reflect.StructTag) *yaml.Node {
	switch {
	case v.Kind() == reflect.Map:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for _, name := range slices.SortedFunc(slices.Values(v.MapKeys()), byText) {
			n.Content = append(n.Content, textNode(name.String()), encode(v.MapIndex(name), ""))
		}
		return n
	case !isBlock(v.Type()):
		return scalarNode(v, tag)
	case v.Kind() == reflect.Slice:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for i := range v.Len() {
			n.Content = append(n.Content, encode(v.Index(i), ""))
		}
		return n
	}
	n := &yaml.Node{Kind: yaml.MappingNode}
	for _, f := range fieldsOf(v.Type()) {
		value := v.FieldByIndex(f.index)
		if _, preset := f.tag.Lookup("default"); preset || isBlock(value.Type()) || !value.IsZero() {
			n.Content = append(n.Content, textNode(f.name), encode(value, f.tag))
		}
	}
	return n
}

func byText(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) }

func scalarNode(v reflect.Value, tag reflect.StructTag) *yaml.Node {
	n := textNode(fmt.Sprint(v.Interface()))
	switch x := v.Interface().(type) {
	case *url.URL:
		n.Value = ShownURL(x)
	case float64:
		n.Tag, n.Value = "", strconv.FormatFloat(x, 'f', -1, 64)
	case int, bool:
		n.Tag = ""
	case time.Duration:
		n.Value = span(x)
		if word := tag.Get("zero"); word != "" && x == 0 {
			n.Value = word
		}
	}
	return n
}

// textNode is quoted by the encoder when it looks like something else.
func textNode(text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
}

// span writes a duration as the config does.
func span(d time.Duration) string { return model.Duration(d).String() }

// Explain writes what the config means: the rate limit of each account, warnings, and the config in force. Errors of w are
// ignored: it is meant for a terminal.
func (c *Config) Explain(w io.Writer) {
	for _, a := range c.Accounts {
		limit := a.RateLimit
		fmt.Fprintf(w, "account %q: %s requests per hour (%.4g %% of %s), at most %d at once after a rest\n",
			a.Name, humanize.Number(limit.Own()), 100*limit.Share, humanize.Number(limit.RequestsPerHour), limit.OwnBurst())
		for _, warning := range a.Warnings() {
			fmt.Fprintf(w, "WARNING: account %q: %s\n", a.Name, warning)
		}
	}
	for _, r := range c.RemoteWrite {
		for _, warning := range r.Warnings() {
			fmt.Fprintf(w, "WARNING: remote_write %q: %s\n", r.Name, warning)
		}
	}
	for i, r := range c.Sensors {
		if c.TooShort(r) {
			fmt.Fprintf(w, "WARNING: sensors[%d]: max_age %s is shorter than refresh.min_interval %s: it cannot be met\n",
				i, span(r.MaxAge), span(c.Refresh.MinInterval))
		}
	}
	fmt.Fprintf(w, "\n%s", c.YAML())
}

// TooShort reports whether a rule has a max-age target that min_interval does not permit.
func (c *Config) TooShort(r SensorRule) bool { return r.MaxAge > 0 && r.MaxAge < c.Refresh.MinInterval }
