package web

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A column of the table of sensors is a th and a td of one class in status.html, with a width in status.css.
func TestStatusColumnsAgree(t *testing.T) {
	_, table, _ := strings.Cut(pageHTML, "<thead>")
	head, table, _ := strings.Cut(table, "</thead>")
	row, _, _ := strings.Cut(table, "</tr>")
	columns := classes(head, "th")
	if cells := classes(row, "t[hd]"); len(columns) < 8 || !slices.Equal(cells, columns) {
		t.Errorf("cells %q, headers %q", cells, columns)
	}
	if span := `colspan="` + strconv.Itoa(len(columns)) + `"`; !strings.Contains(table, span) {
		t.Errorf("no %s for the sentence of a sensor", span)
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
		t.Errorf("columns take %d %% of the width", percent)
	}
}

// classes returns the classes of all elements of a kind.
func classes(html, element string) (all []string) {
	for _, m := range regexp.MustCompile(`<`+element+`\b[^>]*?class="([a-z]+)"`).FindAllStringSubmatch(html, -1) {
		all = append(all, m[1])
	}
	return all
}
