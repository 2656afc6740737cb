package web

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A column of a table is a th in status.html, and a th or td of the same class in row or in status.html, with a width in
// status.css.
func TestStatusColumnsAgree(t *testing.T) {
	p := polled{restored(2, 1, 2)}
	for path, least := range map[string]int{"/status?account=a1": 9, "/status": 5} {
		_, body := getFrom(t, p, path)
		_, table, _ := strings.Cut(body, "<thead>")
		head, table, _ := strings.Cut(table, "</thead>")
		row, _, _ := strings.Cut(table, "</tr>")
		columns := classes(head, "th")
		if cells := classes(row, "t[hd]"); len(columns) < least || !slices.Equal(cells, columns) {
			t.Errorf("%s: cells %q, headers %q", path, cells, columns)
		}
		if span := `colspan="` + strconv.Itoa(len(columns)) + `"`; !strings.Contains(table+pageHTML, span) {
			t.Errorf("%s: no %s for a sentence", path, span)
		}
		percent := 0
		for _, column := range columns {
			width := regexp.MustCompile(`thead \.` + column + ` { width: (\d+)%; }`).FindStringSubmatch(pageCSS)
			if width == nil {
				t.Errorf("column %s has no width in status.css", column)
				continue
			}
			n, _ := strconv.Atoi(width[1])
			percent += n
		}
		if percent != 100 {
			t.Errorf("%s: columns take %d %% of the width", path, percent)
		}
	}
}

// classes returns the classes of all elements of a kind.
func classes(html, element string) (all []string) {
	for _, m := range regexp.MustCompile(`<`+element+`\b[^>]*?class="([a-z]+)"`).FindAllStringSubmatch(html, -1) {
		all = append(all, m[1])
	}
	return all
}
