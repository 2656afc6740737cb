package poller

import (
	"fmt"
	"hash/fnv"
	"strings"
	"unicode/utf8"
)

// maxLabel bounds a label value that came from the API, in bytes, before what makes it unique is appended.
const maxLabel = 128

// label repairs a text from the API for use as a label value: valid UTF-8 and bounded; a cut one ends in "~" and 8
// hex digits of its id's hash, so that two long names with one beginning stay apart.
func label(text, id string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
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

// text returns what a label holds in this mode.
func (m LabelMode) text(id, name string) string {
	if m == LabelID || strings.TrimSpace(name) == "" {
		return label(id, id)
	}
	return label(name, id)
}

// claim is a thing that wants a label which no sibling has.
type claim struct {
	label string
	ids   []string // what may be appended, best first; together they tell all siblings apart
	clash bool     // had to be made unique
}

// rounds bounds how often an id is appended: more would serve no name that a person gives.
const rounds = 4

// settle makes the labels unique: all that would clash get " (id)" appended, and again while what is appended
// happens to be another's name.
func settle(claims []claim) {
	for round := range rounds {
		taken := make(map[string]int, len(claims))
		for _, c := range claims {
			taken[c.label]++
		}
		if len(taken) == len(claims) {
			return
		}
		for i := range claims {
			c := &claims[i]
			if taken[c.label] > 1 {
				id := c.ids[round%len(c.ids)]
				c.label, c.clash = fmt.Sprintf("%s (%s)", c.label, label(id, id)), true
			}
		}
	}
	enumerate(claims)
}

// enumerate tells apart what no id does, as two ids may be equal once they are repaired and cut.
func enumerate(claims []claim) {
	taken := make(map[string]bool, len(claims))
	for i := range claims {
		c := &claims[i]
		for n, text := 2, c.label; taken[c.label]; n++ {
			c.label, c.clash = fmt.Sprintf("%s #%d", text, n), true
		}
		taken[c.label] = true
	}
}
