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

	"github.com/alecthomas/units"
	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v4"

	"innius_exporter/innius"
	"innius_exporter/internal/match"
)

// field is a key of a block and its declaration.
type field struct {
	name  string
	tag   reflect.StructTag
	index []int // of reflect.Value.FieldByIndex
}

var wordEnd = regexp.MustCompile(`([a-z])([A-Z])`)

// fieldsOf returns the keys that a struct declares, with those of structs embedded in it; none for other types.
func fieldsOf(t reflect.Type) (all []field) {
	if t == nil || t.Kind() != reflect.Struct || !isBlock(t) {
		return nil
	}
	for _, f := range reflect.VisibleFields(t) {
		name, ok := f.Tag.Lookup("yaml")
		if !ok {
			name = strings.ToLower(wordEnd.ReplaceAllString(f.Name, "${1}_$2"))
		}
		if name != "-" && !f.Anonymous {
			all = append(all, field{name, f.Tag, f.Index})
		}
	}
	return all
}

// fieldNamed returns a key that a struct declares.
func fieldNamed(t reflect.Type, name string) (field, bool) {
	for _, f := range fieldsOf(t) {
		if f.name == name {
			return f, true
		}
	}
	return field{}, false
}

// isBlock reports whether values of a type have keys or entries of their own.
func isBlock(t reflect.Type) bool {
	return t.Kind() == reflect.Slice || t.Kind() == reflect.Struct && !slices.Contains(scalars, t)
}

// scalars are the structs that stand for one text.
var scalars = []reflect.Type{reflect.TypeFor[match.Pattern](), reflect.TypeFor[Address](), reflect.TypeFor[innius.Secret]()}

// withDefaults returns a struct with the defaults that its tags declare.
func withDefaults[T any]() *T {
	var t T
	setDefaults(reflect.ValueOf(&t).Elem())
	return &t
}

func setDefaults(target reflect.Value) {
	if endpoints, ok := reflect.TypeAssert[*innius.Endpoints](target.Addr()); ok {
		*endpoints = innius.DefaultEndpoints
		return
	}
	for _, f := range fieldsOf(target.Type()) {
		value := target.FieldByIndex(f.index)
		if text, ok := f.tag.Lookup("default"); !ok {
			setDefaults(value)
		} else if err := setScalar(value, f.tag, text); err != nil {
			panic(fmt.Sprintf("default of %s: %v", f.name, err))
		}
	}
}

// With returns the account with another value of a key, such as "endpoints.values", as if the file set it.
func (a Account) With(key, text string) (Account, error) {
	target, f, ok := reflect.ValueOf(&a).Elem(), field{}, false
	for name := range strings.SplitSeq(key, ".") {
		if f, ok = fieldNamed(target.Type(), name); !ok {
			break
		}
		target = target.FieldByIndex(f.index)
	}
	if !ok || isBlock(target.Type()) {
		return a, fmt.Errorf("%s is not a key of an account", key)
	}
	return a, setScalar(target, f.tag, text)
}

// node is a node of the file with its place.
type node struct {
	d    *document
	yaml *yaml.Node
	path string
}

func (n node) report(format string, args ...any) { n.d.report(n.path, format, args...) }

// at is the place of a key below n, for a report.
func (n node) at(key string) node {
	n.path = strings.TrimPrefix(n.path+"."+key, ".")
	return n
}

// has reports whether the file contains a key below n.
func (n node) has(key string) bool { return n.d.lines[n.at(key).path] > 0 }

// valid reports whether a key below n had no error so far.
func (n node) valid(key string) bool { return !n.d.invalid[n.at(key).path] }

// validator is a block with rules between its keys. They are checked when the block is decoded, unless it is no mapping.
type validator interface{ validate(n node) }

// decode sets target from the node, as its type and tag declare.
func (n node) decode(target reflect.Value, tag reflect.StructTag) {
	switch {
	case !plain(n.yaml):
		n.report("uses a YAML anchor, alias or tag, which is not supported; write the value out, or put it in quotes")
	case target.Kind() == reflect.Map:
		n.mapping(target, tag)
	case !isBlock(target.Type()):
		n.scalar(target, tag)
	case target.Kind() == reflect.Slice:
		n.list(target, tag)
	default:
		n.block(target)
	}
}

// plain reports whether a node has no anchor, alias or tag. The config needs none of them, and aliases inside aliases can stand
// for a text of any length.
func plain(n *yaml.Node) bool {
	return n.Kind != yaml.AliasNode && n.Anchor == "" && n.Style&yaml.TaggedStyle == 0
}

func (n node) null() bool { return n.yaml.Kind == yaml.ScalarNode && n.yaml.ShortTag() == "!!null" }

// is reports whether the node is of a kind. A key without a value is an empty block: that is what remains when all lines of a
// block are commented out.
func (n node) is(kind yaml.Kind, want string) bool {
	if n.yaml.Kind == kind || n.null() {
		return true
	}
	n.report("must be %s", want)
	return false
}

func (n node) block(target reflect.Value) {
	if !n.is(yaml.MappingNode, "a mapping of keys") {
		return
	}
	t := target.Type()
	n.entries(t, func(name string, child node) {
		if f, ok := fieldNamed(t, name); ok {
			child.decode(target.FieldByIndex(f.index), f.tag)
		} else {
			child.report("%s", unknownKey(name, t))
		}
	})
	for _, f := range fieldsOf(t) {
		if why := f.tag.Get("required"); why != "" && !n.has(f.name) {
			n.at(f.name).report("is missing: %s", why)
		}
	}
	if v, ok := reflect.TypeAssert[validator](target.Addr()); ok {
		v.validate(n)
	}
}

// word is the form of keys of the config, and of no API key.
var word = regexp.MustCompile(`^[a-z_]{1,19}$`)

// entries calls decode with each entry of a mapping. Of a key that the type does not declare, and that is no word, errors show the
// beginning: it may be an API key.
func (n node) entries(t reflect.Type, decode func(name string, child node)) {
	first := map[string]int{}
	for i := 0; i+1 < len(n.yaml.Content); i += 2 {
		key, name := n.yaml.Content[i], n.yaml.Content[i].Value
		if !plain(key) || key.Kind != yaml.ScalarNode {
			n.d.reportLine(key.Line, n.path, "contains a key that is not plain text")
			continue
		}
		child := n.at(name)
		if _, known := fieldNamed(t, name); !known && !word.MatchString(name) {
			child.path = n.path + "[" + shown(name) + "]"
		}
		child.yaml, n.d.lines[child.path] = n.yaml.Content[i+1], key.Line
		if line, again := first[name]; again {
			child.report("is set twice; the first time is in line %d", line)
			continue
		}
		first[name] = key.Line
		decode(name, child)
	}
}

// secretNames are the keys under which people write secrets.
var secretNames = []string{
	"api_key", "apikey", "x_api_key", "key", "token", "api_token", "bearer_token", "password", "passwd", "secret",
	"credentials", "authorization",
}

// unknownKey returns what to do about a key that is not known.
func unknownKey(name string, t reflect.Type) string {
	if slices.Contains(secretNames, strings.ReplaceAll(strings.ToLower(name), "-", "_")) {
		return inlineKey
	}
	var known []string
	for _, f := range fieldsOf(t) {
		known = append(known, f.name)
	}
	return "is not a known key; known here are " + strings.Join(known, ", ")
}

// list decodes a list, each entry with the tag of the list.
func (n node) list(target reflect.Value, tag reflect.StructTag) {
	if !n.is(yaml.SequenceNode, "a list") {
		return
	}
	for i, content := range n.yaml.Content {
		child := node{n.d, content, fmt.Sprintf("%s[%d]", n.path, i)}
		n.d.lines[child.path] = content.Line
		entry := reflect.New(target.Type().Elem()).Elem()
		setDefaults(entry)
		child.decode(entry, tag)
		target.Set(reflect.Append(target, entry))
	}
}

// mapping decodes a mapping from names that the user chooses, of the kind that the tag declares, to single values.
func (n node) mapping(target reflect.Value, tag reflect.StructTag) {
	if !n.is(yaml.MappingNode, "a mapping of keys") {
		return
	}
	values := reflect.MakeMap(target.Type())
	n.entries(nil, func(name string, child node) {
		if wrong := checkName[tag.Get("names")](name); wrong != "" {
			child.report("%s", wrong)
			return
		}
		value := reflect.New(target.Type().Elem()).Elem()
		child.decode(value, "")
		values.SetMapIndex(reflect.ValueOf(name), value)
	})
	if values.Len() > 0 {
		target.Set(values)
	}
}

// checkName returns what is wrong with a name in a mapping, by the kind of names.
var checkName = map[string]func(string) string{"text": wrongText, "label": wrongLabel, "header": wrongHeader}

func wrongText(text string) string {
	if !innius.IsText(text) {
		return "can never match: a number needs no rule, an empty text has none, and white space around a text is removed"
	}
	return ""
}

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
	case tag.Get("format") == "state" && n.yaml.ShortTag() == "!!bool":
		n.report("must be a text: the state of a reading that is true is '1', of one that is false '0'; put a text in quotes")
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
	case units.Base2Bytes:
		return "a size such as 512MiB or 1GiB"
	case *url.URL, Address:
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
		return checkText(text, tag)
	case *innius.Secret:
		*t = innius.NewSecret(text)
		return checkText(text, tag)
	case *bool:
		*t = text == "true"
		return nil
	case **url.URL:
		*t, err = parseURL(text, strings.Fields(tag.Get("schemes")))
		return err
	case *Address:
		*t, err = parseAddress(text, strings.Fields(tag.Get("schemes")))
		return err
	case *match.Pattern:
		if *t, err = match.Compile(text); err != nil {
			return fmt.Errorf("%s is not a valid regular expression (RE2): %w", shown(text), err)
		}
		return nil
	}
	return setNumber(target, tag, text)
}

// checkText checks the length and the characters of a text. Its errors do not repeat it.
func checkText(text string, tag reflect.StructTag) error {
	if most, err := strconv.Atoi(tag.Get("max")); err == nil && len(text) > most {
		return fmt.Errorf("must have at most %d bytes, not %d", most, len(text))
	}
	if strings.ContainsFunc(text, unicode.IsControl) {
		return errors.New("must not contain control characters")
	}
	return nil
}

// setNumber sets a whole number, a number, a size or a duration.
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
	switch target.Interface().(type) {
	case time.Duration:
		d, err := model.ParseDuration(text)
		return reflect.ValueOf(time.Duration(d)), err
	case units.Base2Bytes:
		size, err := units.ParseStrictBytes(text)
		if size < 0 { // or too large for the type
			err = errors.New("not a size")
		}
		return reflect.ValueOf(units.Base2Bytes(size)), err
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
		return nil, errors.New("must not contain a user name or password: innius needs only the key, a proxy gets its own " +
			"from the variable HTTPS_PROXY, a receiver from basic_auth")
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
