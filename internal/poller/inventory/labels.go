package inventory

import (
	"fmt"
	"hash/fnv"
	"strings"
	"unicode/utf8"
)

// LabelMode is what the labels company, machine and sensor hold.
type LabelMode string

// The label modes.
const (
	LabelName LabelMode = "name" // names, which people read and write
	LabelID   LabelMode = "id"   // ids: series survive a rename
)

// Label returns the value of a label for an object of the API.
func (mode LabelMode) Label(id, name string) string {
	if mode == LabelID || strings.TrimSpace(name) == "" {
		return Repair(id, id)
	}
	return Repair(name, id)
}

// maxLabel bounds a label value from the API, in bytes, before what makes it unique is appended.
const maxLabel = 128

// Repair makes a text from the API a label value: valid UTF-8 of at most 128 bytes. A text that was cut ends in "~" and 8 hex
// digits of its id's hash, so that two long names with the same beginning remain different.
func Repair(text, id string) string {
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "\uFFFD")
	}
	if len(text) <= maxLabel {
		return text
	}
	mark := fmt.Sprintf("~%08x", hash(id))
	end := maxLabel - len(mark)
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + mark
}

func hash(text string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(text)) // a hash never fails
	return h.Sum32()
}

// labelCandidate is a label that must become unique among its siblings.
type labelCandidate struct {
	label     string
	ids       []string // what may be appended, best first; together they distinguish all siblings
	collision bool     // another one had the same label
}

// maxRounds bounds how often an id is appended. Names that people give never need more.
const maxRounds = 4

// disambiguate makes the labels unique: all that collide get " (id)" appended, and again while what was appended happens to
// be the name of another.
func disambiguate(candidates []labelCandidate) {
	for round := range maxRounds {
		count := make(map[string]int, len(candidates))
		for _, c := range candidates {
			count[c.label]++
		}
		if len(count) == len(candidates) {
			return
		}
		for i := range candidates {
			c := &candidates[i]
			if count[c.label] > 1 {
				id := c.ids[round%len(c.ids)]
				c.label, c.collision = fmt.Sprintf("%s (%s)", c.label, Repair(id, id)), true
			}
		}
	}
	enumerate(candidates)
}

// enumerate distinguishes what no id does: two ids may be equal after they were repaired and cut.
func enumerate(candidates []labelCandidate) {
	taken := make(map[string]bool, len(candidates))
	for i := range candidates {
		c := &candidates[i]
		for n, text := 2, c.label; taken[c.label]; n++ {
			c.label, c.collision = fmt.Sprintf("%s #%d", text, n), true
		}
		taken[c.label] = true
	}
}
