package web

import (
	"html/template"
	"math"
	"strconv"
	"time"

	"innius_exporter/internal/humanize"
	"innius_exporter/internal/status"
)

// The size of a sparkline in its own units: whole coordinates are fine enough, and short.
const (
	sparkWidth, sparkHeight = 100, 20
	sparkEdge               = 2 // free on each side, or thick lines would be cut
)

// gapAfter is the number of reporting intervals between two readings from which the line is broken.
const gapAfter = 3

// sparkline draws recent readings as inline SVG that contains numbers only. If the reporting interval is known, the line is
// broken where readings are missing; a single reading is a dot.
func sparkline(s *status.Sensor) template.HTML {
	if len(s.Recent) == 0 {
		return ""
	}
	scale := scaleOf(s.Recent)
	text := append([]byte(`<svg viewBox="0 0 100 20" role="img"><title>`), scale.title(len(s.Recent))...)
	text = append(text, `</title><path d="`...)
	text = scale.path(text, s)
	return template.HTML(append(text, `"/></svg>`...))
}

// scale is the range of a sparkline.
type scale struct {
	first, last float64 // Unix seconds
	least, most float64
}

func scaleOf(recent [][2]float64) scale {
	s := scale{first: recent[0][0], last: recent[len(recent)-1][0], least: math.Inf(1), most: math.Inf(-1)}
	for _, r := range recent {
		s.least, s.most = min(s.least, r[1]), max(s.most, r[1])
	}
	return s
}

func (s scale) title(readings int) string {
	if readings == 1 {
		return "1 reading: " + short(s.least)
	}
	span := time.Duration(math.Round(10*(s.last-s.first))) * time.Second / 10
	return strconv.Itoa(readings) + " readings, " + short(s.least) + " to " + short(s.most) + ", in " + humanize.Duration(span)
}

// path appends the path in relative steps, which are short. After a gap it moves without drawing; a single point is a line of
// length 0.
func (s scale) path(text []byte, one *status.Sensor) []byte {
	var x, y int64
	alone := false
	for i, r := range one.Recent {
		switch {
		case i == 0 || one.Interval > 0 && r[0]-one.Recent[i-1][0] > gapAfter*one.Interval:
			text = append(dot(text, alone), 'm')
			alone = true
		case alone:
			text, alone = append(text, 'l'), false
		}
		toX, toY := s.x(r[0]), s.y(r[1])
		text = step(step(text, toX-x), toY-y)
		x, y = toX, toY
	}
	return dot(text, alone)
}

// dot draws a single point.
func dot(text []byte, alone bool) []byte {
	if alone {
		return append(text, "h0"...)
	}
	return text
}

// step appends a number. A space separates it from the one before unless its sign or a command does.
func step(text []byte, by int64) []byte {
	if last := text[len(text)-1]; by >= 0 && last >= '0' && last <= '9' {
		text = append(text, ' ')
	}
	return strconv.AppendInt(text, by, 10)
}

func (s scale) x(at float64) int64 { return position(at-s.first, s.last-s.first, sparkWidth) }

func (s scale) y(value float64) int64 {
	return sparkHeight - position(value/2-s.least/2, s.most/2-s.least/2, sparkHeight) // halves do not overflow
}

// position scales a part of a range to a length; without a range it is the middle.
func position(part, whole float64, length int64) int64 {
	if whole == 0 {
		return length / 2
	}
	return sparkEdge + int64(math.Round(part/whole*float64(length-2*sparkEdge)))
}

// short writes a number with six digits, large counters with all.
func short(value float64) string {
	if size := math.Abs(value); size >= 1e5 && size < 1e15 {
		return strconv.FormatFloat(value, 'f', 0, 64) // a counter: only its last digits change
	}
	return strconv.FormatFloat(value, 'g', 6, 64)
}
