package innius_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"innius_exporter/innius"
	"innius_exporter/internal/simulator"
)

// shown writes spans in seconds before noon.
func shown(spans []innius.Span) string {
	var text []string
	for _, s := range spans {
		text = append(text, fmt.Sprintf("%v-%v", noon().Sub(s.From).Seconds(), noon().Sub(s.To).Seconds()))
	}
	return strings.Join(text, " ")
}

// body is a page of readings, so many seconds before noon.
func body(next string, ages ...int) string {
	var items []string
	for _, age := range ages {
		items = append(items, fmt.Sprintf(`{"t":%d,"v":1}`, noon().Add(-time.Duration(age)*time.Second).UnixMilli()))
	}
	return fmt.Sprintf(`{"data":[%s],"next_key":%s}`, strings.Join(items, ","), next)
}

func TestNewestMissesOnlyWhatNoPageShows(t *testing.T) {
	unusable := `{"data":[{"t":1772452720000,"v":"RUN"},{"t":7,"v":1},{"t":1772452730000,"v":null}]}`
	ascending, resumed := innius.Cursor{Order: innius.Ascending}, innius.Cursor{Order: innius.Ascending, Key: "5"}
	for _, row := range []struct {
		name   string
		window bool
		held   int // seconds before noon; 0: none
		cursor innius.Cursor
		pages  []string // "": status 500
		missed string
	}{
		{"page reaches the reading held", false, 90, innius.Cursor{}, []string{body("1", 10, 50, 90, 120)}, ""},
		{"page does not reach it", false, 90, innius.Cursor{}, []string{body("1", 10, 50, 80)}, "90-80"},
		{"list ends before it", false, 90, innius.Cursor{}, []string{body("null", 10, 50, 80)}, "90-80"},
		{"list of a window ends", true, 90, innius.Cursor{}, []string{body("null", 10, 50, 80)}, ""},
		{"full page without next_key", true, 90, innius.Cursor{}, []string{body("null", 10, 50, 60, 80)}, "90-80"},
		{"nothing newer", true, 90, innius.Cursor{}, []string{body("null")}, ""},
		{"two pages of one list", false, 90, innius.Cursor{}, []string{body("1", 80, 70), body("null", 60, 50)}, "90-80"},
		{"two pages that go back", false, 90, innius.Cursor{}, []string{body("1", 20, 10), body("2", 40, 30)}, "90-40"},
		{"resumed list", false, 90, resumed, []string{body("6", 80, 70), body("null", 60, 50)}, ""},
		{"resumed list that breaks off", false, 90, resumed, []string{body("6", 80, 70), ""}, ""},
		{"resumed list in a window", true, 90, resumed, []string{body("null", 80, 70)}, "90-80"},
		{"resumed list that goes back", false, 90, resumed, []string{body("6", 70, 80)}, "90-80"},
		{"jump", true, 90, ascending, []string{body("1", 90, 88), body("null", 2, 1)}, "88-2"},
		{"jump that fails", true, 90, ascending, []string{body("1", 90, 88), ""}, ""},
		{"jump at first sight", true, 0, ascending, []string{body("1", 90, 88), body("null", 2, 1)}, "88-2"},
		{"first page may be the newest block", true, 90, ascending, []string{body("1", 80, 78), body("null", 2, 1)}, "90-80 78-2"},
		{"every page is the first", true, 90, innius.Cursor{}, []string{body("1", 80, 40), body("1", 80, 40)}, "90-80"},
		{"window shorter than the silence", true, 100_000, innius.Cursor{}, []string{body("null", 10, 5)}, "100000-10"},
		{"value before a window", true, 100_000, innius.Cursor{}, []string{body("null", 100_000, 10)}, ""},
		{"readings of the future", false, 90, innius.Cursor{}, []string{body("null", -3600, -3500)}, ""},
		{"some readings of the future", false, 90, innius.Cursor{}, []string{body("null", -3600, 80)}, "90-80"},
		{"readings without a number or a time", false, 90, innius.Cursor{}, []string{unusable}, "90-80"},
	} {
		t.Run(row.name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				h := &recorder{respond: func(w http.ResponseWriter, _ *http.Request, n int) {
					if row.pages[n-1] == "" {
						w.WriteHeader(http.StatusInternalServerError)
					}
					_, _ = io.WriteString(w, row.pages[n-1])
				}}
				change := []func(*innius.Options){pageSize(4)}
				if row.window {
					change = append(change, valuesAt(windowed))
				}
				var since time.Time
				if row.held > 0 {
					since = noon().Add(-time.Duration(row.held) * time.Second)
				}
				got, _ := dial(t, h, change...).Newest(t.Context(), refTo("oil"), since, row.cursor)
				want(t, "requests", len(h.uris()), len(row.pages))
				want(t, "missed", shown(got.Missed), row.missed)
			})
		})
	}
}

// One page in ascending order may be the newest block. A page that continued another shows that it is not, of any sensor.
func TestNewestKnowsThatPagesAscendFromPageToPage(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		h := &recorder{respond: func(w http.ResponseWriter, _ *http.Request, n int) {
			_, _ = io.WriteString(w, []string{body("1", 90), body("null", 85), body("1", 80, 78), body("null", 2, 1)}[n-1])
		}}
		c := dial(t, h, valuesAt(windowed))
		send(t, c, time.Time{}, innius.Cursor{})
		want(t, "missed", shown(send(t, c, noon().Add(-90*time.Second), innius.Cursor{}).Missed), "78-2")
	})
}

// A sensor that was silent for a while has missed nothing: the page after its silence reaches back.
func TestNewestMissesNothingInAnOutage(t *testing.T) {
	for _, l := range listings() {
		for _, exclusive := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/exclusive %t", l.name, exclusive), func(t *testing.T) {
				atNoon(t, func(t *testing.T) {
					s := silentFor(40 * time.Minute)
					s.Exists = func(at time.Time) bool {
						return at.After(noon().Add(-time.Hour)) && silentFor(40*time.Minute).Exists(at)
					}
					format := simulator.Format{Order: l.order, Window: simulator.Window{Ignored: l.ignored, Exclusive: exclusive}}
					var change []func(*innius.Options)
					if l.windowed {
						change = append(change, valuesAt(windowed))
					}
					c, _ := simulated(t, plantOf(s), simulator.Options{Format: format}, change...)
					first := send(t, c, time.Time{}, innius.Cursor{})
					time.Sleep(time.Hour)
					second := send(t, c, noon(), first.Cursor)
					want(t, "newest", newestOf(t, second).Time, noon().Add(time.Hour))
					want(t, "missed", shown(first.Missed)+shown(second.Missed), "")
				})
			})
		}
	}
}

// A window jumps close to the end: of a fast sensor it reads the first page after the reading held, and the last.
func TestNewestReportsWhatAWindowJumpsOver(t *testing.T) {
	atNoon(t, func(t *testing.T) {
		c, _ := inWindows(t, simulator.Sensor{ID: "oil", Period: time.Second}, simulator.Ascending)
		got := send(t, c, time.Time{}, innius.Cursor{})
		since, missed, cycle := noon(), time.Duration(0), 32*time.Minute
		for range 10 {
			time.Sleep(cycle)
			got = send(t, c, since, got.Cursor)
			for _, s := range got.Missed {
				missed += s.To.Sub(s.From) - time.Second
			}
			since = newestOf(t, got).Time
		}
		want(t, "seconds missed of 1920", missed.Seconds()/10, 1721)
	})
}

func TestNewestReportsWhatAListNoLongerHolds(t *testing.T) {
	for order, o := range map[string]simulator.Order{"ascending": simulator.Ascending, "newest first": simulator.Descending} {
		t.Run(order, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				p, opts := minutes(o, 10*time.Minute)
				opts.Format.CursorTTL = time.Minute
				c, _ := simulated(t, p, opts, pageSize(20))
				first := send(t, c, time.Time{}, innius.Cursor{})
				time.Sleep(time.Hour)
				second := send(t, c, noon(), first.Cursor)
				want(t, "missed", shown(second.Missed), "0--3000")
			})
		})
	}
}

func TestPageSizeIsThatOfTheLargestPageWhereOneIsFull(t *testing.T) {
	for _, row := range []struct {
		name  string
		pages []string
		size  int
	}{
		{"nothing read", nil, 4},
		{"last page", []string{body("null", 30, 20)}, 4},
		{"smaller page", []string{body("1", 20, 30)}, 2},
		{"the largest", []string{body("1", 20, 30), body("1", 10, 20, 30), body("1", 20)}, 3},
		{"larger than the limit", []string{body("1", 10, 20, 30, 40, 50)}, 4},
		{"empty page", []string{body("1")}, 4},
		{"a page that reaches back", []string{body("null", 30), body("null", 20, 30)}, 4},
		{"a page that does not", []string{body("null", 30), body("null", 10, 20)}, 2},
	} {
		t.Run(row.name, func(t *testing.T) {
			atNoon(t, func(t *testing.T) {
				h := &recorder{respond: func(w http.ResponseWriter, _ *http.Request, n int) {
					_, _ = io.WriteString(w, row.pages[min(n, len(row.pages))-1])
				}}
				c := dial(t, h, pageSize(4))
				var held time.Time
				for range row.pages {
					got := send(t, c, held, innius.Cursor{Order: innius.Descending})
					if n := len(got.Readings); n > 0 {
						held = got.Readings[n-1].Time
					}
				}
				want(t, "page size", c.PageSize(), row.size)
			})
		})
	}
}
