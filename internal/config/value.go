package config

import (
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"
)

// value is one node of the config with the place that errors name.
type value struct {
	d    *document
	node *yaml.Node
	path string
	line int
	free bool // a mapping whose keys are the user's own texts
}

// keys says what to do with the value of each key that is known. A decode function leaves the default where it
// reports a mistake.
type keys map[string]func(value)

func (v value) report(format string, args ...any) { v.d.report(v.line, v.path, format, args...) }

// sound reports whether the value has no mistake yet.
func (v value) sound() bool { return !v.d.bad[v.path] }

func (v value) null() bool { return v.node.Kind == yaml.ScalarNode && v.node.ShortTag() == "!!null" }

// object decodes a mapping and returns the values seen, by key. A key without a value is an empty mapping: that is
// what remains of a block whose every line is commented out.
func (v value) object(known keys) map[string]value {
	seen := map[string]value{}
	if !v.is(yaml.MappingNode, "a mapping of keys") {
		return seen
	}
	for i := 0; i+1 < len(v.node.Content); i += 2 {
		v.field(v.node.Content[i], v.node.Content[i+1], known, seen)
	}
	return seen
}

func (v value) field(key, node *yaml.Node, known keys, seen map[string]value) {
	if !plain(key) || key.Kind != yaml.ScalarNode {
		v.d.report(key.Line, v.path, "holds a key that is no plain text")
		return
	}
	child := value{d: v.d, node: node, path: v.sub(key.Value, known), line: key.Line}
	first, again := seen[key.Value]
	decode, ok := known[key.Value]
	switch {
	case again:
		child.report("stands here a second time; the first is in line %d", first.line)
		return
	case ok:
		decode(child)
	default:
		child.report("%s", unknownText(key.Value, known))
	}
	seen[key.Value] = child
}

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// sub is the path of a key below v. What is neither a name of ours, nor nearly, is masked: it may be a key of the
// other kind.
func (v value) sub(name string, known keys) string {
	if v.free || nearest(name, known) == "" {
		name = masked(name)
	}
	if !identifier.MatchString(name) {
		return v.path + "[" + shown(name) + "]"
	}
	return strings.TrimPrefix(v.path+"."+name, ".")
}

// list calls decode with each entry. A key without a value is an empty list.
func (v value) list(decode func(value)) {
	if !v.is(yaml.SequenceNode, "a list") {
		return
	}
	for i, node := range v.node.Content {
		decode(value{d: v.d, node: node, path: fmt.Sprintf("%s[%d]", v.path, i), line: node.Line})
	}
}

// is reports whether the node is a collection of a kind; what is neither that nor empty is a mistake.
func (v value) is(kind yaml.Kind, want string) bool {
	switch {
	case !plain(v.node):
		v.report("uses a YAML anchor, alias or tag, which is not supported; write the value out, or put it in quotes")
	case v.null():
	case v.node.Kind != kind:
		v.report("must be %s, not %s", want, kindName(v.node))
	default:
		return true
	}
	return false
}

// scalar returns the text of a single value as it is written.
func (v value) scalar(want string) (string, bool) {
	if v.null() {
		v.report("has no value; it must be %s", want)
		return "", false
	}
	if !v.is(yaml.ScalarNode, want) {
		return "", false
	}
	return v.node.Value, true
}

// plain reports whether a node is free of anchors, aliases and tags. The config needs none of them, and an alias
// inside an alias can stand for a text without bounds.
func plain(n *yaml.Node) bool {
	return n.Kind != yaml.AliasNode && n.Anchor == "" && n.Style&yaml.TaggedStyle == 0
}

func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	return "a single value"
}
