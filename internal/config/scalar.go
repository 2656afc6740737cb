package config

import (
	"errors"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v4"
)

// text decodes a text that must not be empty.
func (v value) text(set *string) {
	text, ok := v.scalar("a text")
	if ok && strings.TrimSpace(text) == "" {
		v.report("must not be empty")
		return
	}
	if ok {
		*set = text
	}
}

func (v value) choice(set *string, options ...string) {
	want := strings.Join(options, " or ")
	text, ok := v.scalar(want)
	if ok && !slices.Contains(options, text) {
		v.report("must be %s, not %s", want, shown(text))
		return
	}
	if ok {
		*set = text
	}
}

func (v value) boolean(set *bool) {
	text := strconv.FormatBool(*set)
	v.choice(&text, "true", "false")
	*set = text == "true"
}

// quoted reports whether a value is marked as text. A number in quotes is refused: that is how a wrong line shows.
func (v value) quoted() bool {
	const marks = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	return v.node.Style&marks != 0
}

var decimal = regexp.MustCompile(`^[+-]?(0|[1-9][0-9]*)$`)

// integer decodes a whole number in plain digits; most 0 means no upper bound.
func (v value) integer(set *int, least, most int) {
	text, ok := v.scalar("a whole number")
	if !ok {
		return
	}
	n, err := strconv.Atoi(text)
	switch {
	case v.quoted():
		v.report("must be a whole number without quotes")
	case err != nil || !decimal.MatchString(text):
		v.report("must be a whole number such as %d, not %s", *set, shown(text))
	case n < least:
		v.report("must be at least %d, not %d", least, n)
	case most > 0 && n > most:
		v.report("must be at most %d, not %d", most, n)
	default:
		*set = n
	}
}

var float = regexp.MustCompile(`^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$`)

// number decodes a finite number and reports whether it is one.
func (v value) number(set *float64) bool {
	text, ok := v.scalar("a number")
	if !ok {
		return false
	}
	n, err := strconv.ParseFloat(text, 64)
	switch {
	case v.quoted():
		v.report("must be a number without quotes")
	case err != nil || !float.MatchString(text):
		v.report("must be a number, not %s", shown(text))
	default:
		*set = n
		return true
	}
	return false
}

// positive decodes a number above 0 and at most most.
func (v value) positive(set *float64, most float64) {
	var n float64
	switch {
	case !v.number(&n):
	case n <= 0:
		v.report("must be above 0, not %s", figure(n))
	case n > most:
		v.report("must be at most %s, not %s", figure(most), figure(n))
	default:
		*set = n
	}
}

// figure writes a number without an exponent where that is short.
func figure(n float64) string {
	if text := strconv.FormatFloat(n, 'f', -1, 64); len(text) < 15 {
		return text
	}
	return strconv.FormatFloat(n, 'g', -1, 64)
}

// duration decodes a duration with units, as Prometheus and Go write them; most 0 means no upper bound.
func (v value) duration(set *time.Duration, least, most time.Duration) {
	text, ok := v.scalar("a duration such as 90s, 15m, 1h30m or 1d")
	if !ok {
		return
	}
	parsed, err := model.ParseDuration(text)
	switch d := time.Duration(parsed); {
	case err != nil:
		v.report("%s", durationText(text))
	case d < least:
		v.report("must be at least %s, not %s", span(least), span(d))
	case most > 0 && d > most:
		v.report("must be at most %s, not %s", span(most), span(d))
	default:
		*set = d
	}
}

func durationText(text string) string {
	switch {
	case decimal.MatchString(text):
		return "needs a unit: write seconds as 90s, minutes as 15m, not " + shown(text)
	case strings.Contains(text, "."):
		return "must be in whole units, such as 1500ms for 1.5s, not " + shown(text)
	}
	return "must be a duration such as 90s, 15m, 1h30m or 1d, not " + shown(text)
}

// span writes a duration as the config does.
func span(d time.Duration) string { return model.Duration(d).String() }

// pattern decodes a regular expression and anchors it. It is compiled bare first: "a)|(b" is wrong, but would
// become right between the anchors' parentheses.
func (v value) pattern(set **regexp.Regexp) {
	var text string
	if v.text(&text); text == "" {
		return
	}
	if _, err := regexp.Compile(text); err != nil {
		v.report("%s is no valid regular expression (RE2): %s", shown(text), fault(err))
		return
	}
	re, err := regexp.Compile(anchorHead + text + anchorTail)
	if err != nil {
		v.report("%s is no valid regular expression (RE2): %s", shown(text), fault(err))
		return
	}
	*set = re
}

const (
	anchorHead = "^(?s:"
	anchorTail = ")$"
)

// written returns a pattern as the user wrote it.
func written(re *regexp.Regexp) string {
	return strings.TrimSuffix(strings.TrimPrefix(re.String(), anchorHead), anchorTail)
}

// fault names what is wrong in a pattern, without the part of it that the error quotes.
func fault(err error) string {
	if e, ok := errors.AsType[*syntax.Error](err); ok {
		return e.Code.String()
	}
	return "it does not compile"
}

func (v value) patterns(set *[]*regexp.Regexp) {
	v.list(func(entry value) {
		var re *regexp.Regexp
		if entry.pattern(&re); re != nil {
			*set = append(*set, re)
		}
	})
}
