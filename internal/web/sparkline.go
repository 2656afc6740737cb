package web

import (
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

// sparkline appends recent readings as inline SVG that contains numbers only. If the reporting interval is known, the line is
// broken where readings are missing; a single reading is a dot.
func (m markup) sparkline(s *status.Sensor) markup {
	if len(s.Recent) == 0 {
		return m
	}
	scale := scaleOf(s.Recent)
	m = scale.title(m.raw(`<svg viewBox="0 0 100 20" role="img"><title>`), len(s.Recent)).raw(`</title><path d="`)
	return scale.path(m, s).raw(`"/></svg>`)
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

func (s scale) title(m markup, readings int) markup {
	if readings == 1 {
		return m.raw("1 reading: ").short(s.least)
	}
	span := time.Duration(math.Round(10*(s.last-s.first))) * time.Second / 10
	m = m.raw(strconv.Itoa(readings)).raw(" readings, ").short(s.least).raw(" to ").short(s.most)
	return m.raw(", in ").raw(humanize.Duration(span))
}

// path appends the path in relative steps, which are short. After a gap it moves without drawing; a single point is a line of
// length 0.
func (s scale) path(text markup, one *status.Sensor) markup {
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
func dot(text markup, alone bool) markup {
	if alone {
		return append(text, "h0"...)
	}
	return text
}

// step appends a number. A space separates it from the one before unless its sign or a command does.
func step(text markup, by int64) markup {
	if last := text[len(text)-1]; by < 0 {
		text, by = append(text, '-'), -by // strconv is faster without a sign
	} else if last >= '0' && last <= '9' {
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
	return sparkEdge + int64(part/whole*float64(length-2*sparkEdge)+0.5)
}

// short appends a number with six digits, large counters with all.
func (m markup) short(value float64) markup {
	if size := math.Abs(value); size >= 1e5 && size < 1e15 {
		return strconv.AppendFloat(m, value, 'f', 0, 64) // a counter: only its last digits change
	}
	return strconv.AppendFloat(m, value, 'g', 6, 64)
}
