package config

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v4"

	"innius_exporter/internal/match"
)

const quotedStyle = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle

// scalar decodes a single value. A number in quotes is refused: that is how a wrong line shows.
func (n node) scalar(target reflect.Value, tag reflect.StructTag) {
	want := wanted(target, tag)
	switch {
	case n.null():
		n.report("has no value; it must be %s", want)
	case !n.is(yaml.ScalarNode, want):
	case n.yaml.Style&quotedStyle != 0 && strings.HasSuffix(want, "number"):
		n.report("must be %s without quotes", want)
	default:
		if err := setScalar(target, tag, n.yaml.Value); err != nil {
			n.report("%s", err)
		} else if tag.Get("format") == "path" && !filepath.IsAbs(n.yaml.Value) {
			target.SetString(filepath.Join(n.d.dir, n.yaml.Value))
		}
	}
}

// choices returns the texts that a key permits; none when there are other bounds.
func choices(target reflect.Value, tag reflect.StructTag) []string {
	if target.Kind() == reflect.Bool {
		return []string{"true", "false"}
	}
	return strings.Fields(tag.Get("oneof"))
}

// wanted describes the values of a type.
func wanted(target reflect.Value, tag reflect.StructTag) string {
	if permitted := choices(target, tag); len(permitted) > 0 {
		return strings.Join(permitted, " or ")
	}
	switch target.Interface().(type) {
	case int:
		return "a whole number"
	case float64:
		return "a number"
	case time.Duration:
		return strings.TrimSuffix("a duration such as 90s, 15m, 1h30m or 1d, or "+tag.Get("zero"), ", or ")
	case *url.URL:
		return "a URL"
	case match.Pattern:
		return "a regular expression"
	}
	return "a text"
}

// setScalar sets target to a text of the file, within the bounds of the tag.
func setScalar(target reflect.Value, tag reflect.StructTag, text string) (err error) {
	if strings.TrimSpace(text) == "" {
		return errors.New("must not be empty")
	}
	if permitted := choices(target, tag); len(permitted) > 0 && !slices.Contains(permitted, text) {
		return fmt.Errorf("must be %s, not %s", wanted(target, tag), shown(text))
	}
	switch t := target.Addr().Interface().(type) {
	case *string:
		*t = text
		if most, err := strconv.Atoi(tag.Get("max")); err == nil && len(text) > most {
			return fmt.Errorf("must have at most %d bytes, not %d", most, len(text))
		}
		if strings.ContainsFunc(text, unicode.IsControl) {
			return errors.New("must not contain control characters")
		}
		return nil
	case *bool:
		*t = text == "true"
		return nil
	case **url.URL:
		*t, err = parseURL(text, strings.Fields(tag.Get("schemes")))
		return err
	case *match.Pattern:
		if *t, err = match.Compile(text); err != nil {
			return fmt.Errorf("%s is not a valid regular expression (RE2): %w", shown(text), err)
		}
		return nil
	}
	return setNumber(target, tag, text)
}

// setNumber sets a whole number, a number or a duration.
func setNumber(target reflect.Value, tag reflect.StructTag, text string) error {
	if text == tag.Get("zero") {
		target.SetZero()
		return nil
	}
	n, err := parseNumber(target, text)
	if err != nil {
		return fmt.Errorf("must be %s, not %s", wanted(target, tag), shown(text))
	}
	for _, bound := range []struct{ key, words string }{{"min", "at least"}, {"above", "above"}, {"max", "at most"}} {
		limit, ok := tag.Lookup(bound.key)
		if !ok {
			continue
		}
		l, err := parseNumber(target, limit)
		order := cmp.Compare(asFloat(n), asFloat(l))
		if bound.key == "max" {
			order = -order
		}
		if err != nil || order < 0 || order == 0 && bound.key == "above" {
			return fmt.Errorf("must be %s %s, not %s", bound.words, limit, masked(text))
		}
	}
	target.Set(n)
	return nil
}

// number is the form of a number. YAML has more (octal, infinity, not a number), which the config refuses.
var number = regexp.MustCompile(`^[+-]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$`)

// parseNumber parses a text as the type of target.
func parseNumber(target reflect.Value, text string) (reflect.Value, error) {
	if target.Type() == reflect.TypeFor[time.Duration]() {
		d, err := model.ParseDuration(text)
		return reflect.ValueOf(time.Duration(d)), err
	}
	if !number.MatchString(text) {
		return reflect.Value{}, errors.New("not a number")
	}
	if target.Kind() == reflect.Int {
		n, err := strconv.Atoi(text)
		return reflect.ValueOf(n), err
	}
	n, err := strconv.ParseFloat(text, 64)
	return reflect.ValueOf(n), err
}

func asFloat(n reflect.Value) float64 { return n.Convert(reflect.TypeFor[float64]()).Float() }

// parseURL parses a URL that must have one of the schemes, a host and no userinfo. Its errors do not repeat the URL, which
// may contain a secret. An "@" in a URL that cannot be parsed shows that a password was meant.
func parseURL(text string, schemes []string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil && strings.Contains(text, "@"), err == nil && u.User != nil:
		return nil, errors.New("must not contain a user name or password: innius needs only the key, and a proxy gets its " +
			"own from the variable HTTPS_PROXY")
	case err != nil || u.Hostname() == "" || !slices.Contains(schemes, u.Scheme) || !validPort(u.Port()):
		return nil, fmt.Errorf("is not a valid URL; it must look like %s://host (%s)", schemes[0], strings.Join(schemes, ", "))
	case strings.ContainsAny(text, "?#"):
		return nil, errors.New("must not contain a query or fragment; a query belongs in the templates under endpoints")
	}
	return u, nil
}

func validPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return port == "" || err == nil && n > 0
}
