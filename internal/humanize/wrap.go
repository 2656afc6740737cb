package humanize

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Wrap writes a text in lines of at most width characters. The first line begins with prefix, the others with as many spaces.
// A longer word stays whole; an empty text writes nothing. Errors of w are ignored: it is a terminal.
func Wrap(w io.Writer, width int, prefix, text string) {
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && utf8.RuneCountInString(prefix+line+" "+word) > width {
			fmt.Fprintln(w, prefix+line)
			prefix, line = strings.Repeat(" ", utf8.RuneCountInString(prefix)), ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	if line != "" {
		fmt.Fprintln(w, prefix+line)
	}
}
