package poller

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// expectation is what is known of a row before it runs.
type expectation struct {
	oracle float64 // the oracle's lag relative to round-robin's, in the table of the issue; 0: not in it
	bar    float64 // the greatest permitted lag of the exporter's schedule relative to round-robin's; 0: see bar
}

// expectations are the table's figures of the oracle and the bars of the issue.
func expectations() map[string]expectation {
	return map[string]expectation{
		"all 60 s @ 1 min":                {oracle: .08, bar: .22},
		"all 60 s, jitter 0 @ 1 min":      {oracle: .10},
		"all 60 s, jitter 30 % @ 1 min":   {oracle: .05},
		"all 10 s @ 1 min":                {oracle: .88},
		"all 10 s @ 10 min":               {oracle: .99},
		"all 10 s @ 1 h":                  {oracle: 1},
		"mix @ 1 min":                     {oracle: .31, bar: .62},
		"mix @ 10 min":                    {oracle: .61, bar: .73},
		"mix @ 1 h":                       {oracle: .88},
		"mix @ 5 h":                       {oracle: .98},
		"mix, jitter 0 @ 1 min":           {oracle: .31},
		"mix, jitter 0 @ 10 min":          {oracle: .62},
		"mix, jitter 30 % @ 1 min":        {oracle: .31},
		"mix, jitter 30 % @ 10 min":       {oracle: .61},
		"mix + dead @ 1 min":              {oracle: .27},
		"mix + dead @ 10 min":             {oracle: .53, bar: .65},
		"mix + dead @ 1 h":                {oracle: .78},
		"mix + dead @ 5 h":                {oracle: .88},
		"mix + shift @ 1 min":             {oracle: .20},
		"mix + shift @ 10 min":            {oracle: .40},
		"mix + shift @ 1 h":               {oracle: .62},
		"mix + shift @ 5 h":               {oracle: .81},
		"mix + weights @ 1 min":           {oracle: .23},
		"mix + weights @ 10 min":          {oracle: .45, bar: .55},
		"mix + weights @ 1 h":             {oracle: .64},
		"mix + weights @ 5 h":             {oracle: .71},
		"dead + shift + weights @ 1 min":  {oracle: .13},
		"dead + shift + weights @ 10 min": {oracle: .25, bar: .57},
		"dead + shift + weights @ 1 h":    {oracle: .39},
		"dead + shift + weights @ 5 h":    {oracle: .51},
		"batches @ 1 min":                 {oracle: .04, bar: .10},
		"batches @ 10 min":                {oracle: .55},
		"mix, Poisson @ 1 min":            {oracle: .27},
		"mix, Poisson @ 10 min":           {oracle: .58},
		"mix + max-age @ 1 min":           {oracle: .32, bar: math.Inf(1)},
		"mix + max-age @ 10 min":          {oracle: 1.43, bar: math.Inf(1)},
	}
}

// noWorse is the bar of every row without one of its own: nowhere clearly worse than round-robin.
const noWorse = 1.03

// halfAnswer is the part of an answer's time, on average, that passes after the API has looked.
const halfAnswer = 550 * time.Millisecond

// proof is what is wrong with the harness itself, as far as a row can tell; empty: nothing.
func (r *row) proof(s *summary) (wrong []string) {
	// Without weights: theory knows none, and the few heavy sensors are too small a sample for it.
	half := (r.cycle/2 + halfAnswer).Seconds()
	if r.steady() && math.Abs(s.roundRobin.alike/half-1) > .03 {
		wrong = append(wrong, fmt.Sprintf("round-robin's mean lag is %.1f s, half the cycle and half an answer are %.1f s", s.roundRobin.alike, half))
	}
	if want := r.expected.oracle; want > 0 && math.Abs(s.oracleRatio-want) > .03 {
		wrong = append(wrong, fmt.Sprintf("the oracle's lag is %.3f of round-robin's, the table says %.2f", s.oracleRatio, want))
	}
	if r.steady() && s.limited > 0 {
		wrong = append(wrong, fmt.Sprintf("%d requests over the limit", s.limited))
	}
	return wrong
}

// steady tells whether round-robin keeps its cycle all the time, so that its lag is known beforehand.
func (r *row) steady() bool { return r.beside == nil && !r.hasOutage() }

func (r *row) hasOutage() bool { return strings.Contains(r.name, "outage") }

// missed is where the exporter's schedule misses its bars.
func (r *row) missed(s *summary) (missed []string) {
	if bar := or(r.expected.bar, noWorse); s.ratio > bar {
		missed = append(missed, fmt.Sprintf("the lag is %.3f of round-robin's, the bar is %.2f", s.ratio, bar))
	}
	if s.schedule.tooEarly > 0 {
		missed = append(missed, fmt.Sprintf("%d requests before a stated wait was over", s.schedule.tooEarly))
	}
	if s.schedule.limited > 0 && r.steady() {
		missed = append(missed, fmt.Sprintf("%d requests over the limit", s.schedule.limited))
	}
	return missed
}
