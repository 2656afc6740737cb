package collector

import (
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"innius_exporter/internal/poller"
)

// output takes the series of one family, sorted by their label values, for a registry or as text.
type output struct {
	*family
	metrics chan<- prometheus.Metric
	text    *encoder // instead of metrics
	begun   bool     // the lines before the first series have been written
}

// add adds a series; the values are those of the family's labels.
func (o *output) add(value float64, values ...string) {
	if o.text == nil {
		o.metrics <- prometheus.MustNewConstMetric(o.desc, o.kind, value, slices.Clone(values)...)
		return
	}
	o.begin()
	o.text.line(o.name, o.labels, values, value)
}

// addHistogram adds the series of a histogram.
func (o *output) addHistogram(h *poller.Histogram, account string) {
	buckets, count, sum := h.Read()
	if o.text == nil {
		counts := map[float64]uint64{}
		for _, b := range buckets {
			counts[b.UpTo] = b.Count
		}
		o.metrics <- prometheus.MustNewConstHistogram(o.desc, count, sum, counts, account)
		return
	}
	o.begin()
	for _, b := range append(buckets, poller.Bucket{UpTo: math.Inf(1), Count: count}) {
		bound := string(appendFloat(nil, b.UpTo))
		o.text.line(o.name+"_bucket", []string{"account", "le"}, []string{account, bound}, float64(b.Count))
	}
	o.text.line(o.name+"_sum", o.labels, []string{account}, sum)
	o.text.line(o.name+"_count", o.labels, []string{account}, float64(count))
}

func (o *output) begin() {
	if !o.begun {
		o.begun = true
		o.text.header(o.name, o.help, o.typeName)
	}
}

// encoder writes the text format as github.com/prometheus/common/expfmt does. Series that follow one another share most of their
// labels: those that are the same are not encoded again.
type encoder struct {
	w   io.Writer
	err error // the writer's first
	buf []byte

	start  []byte   // of the latest line: name and labels, without the closing brace
	name   string   // of that line
	values []string // of its labels
	ends   []int    // where in start the name and each label end
}

// chunk is how much is written at once, in bytes.
const chunk = 64 << 10

func (e *encoder) header(name, help, typeName string) {
	e.buf = append(append(append(e.buf, "# HELP "...), name...), ' ')
	e.buf = append(append(e.buf, helpEscaper.Replace(help)...), "\n# TYPE "...)
	e.buf = append(append(append(append(e.buf, name...), ' '), typeName...), '\n')
}

// line writes one series. Label names need no escape, and there is at least one.
func (e *encoder) line(name string, labels, values []string, value float64) {
	if e.name != name {
		e.name, e.values = name, e.values[:0]
		e.start = append(e.start[:0], name...)
		e.ends = append(e.ends[:0], len(name))
	}
	same := 0
	for same < min(len(values), len(e.values)) && values[same] == e.values[same] {
		same++
	}
	e.start, e.values, e.ends = e.start[:e.ends[same]], e.values[:same], e.ends[:same+1]
	for i := same; i < len(values); i++ {
		separator := byte(',')
		if i == 0 {
			separator = '{'
		}
		e.start = append(append(append(e.start, separator), labels[i]...), '=', '"')
		e.start = append(appendEscaped(e.start, values[i]), '"')
		e.values, e.ends = append(e.values, values[i]), append(e.ends, len(e.start))
	}
	e.buf = append(append(e.buf, e.start...), '}', ' ')
	e.buf = append(appendFloat(e.buf, value), '\n')
	e.flush(chunk)
}

// flush writes what has been encoded, if it is at least so many bytes.
func (e *encoder) flush(from int) {
	if len(e.buf) < from {
		return
	}
	if e.err == nil {
		_, e.err = e.w.Write(e.buf)
	}
	e.buf = e.buf[:0]
}

var (
	helpEscaper  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	valueEscaper = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
)

func appendEscaped(to []byte, text string) []byte {
	if strings.ContainsAny(text, "\\\n\"") {
		text = valueEscaper.Replace(text)
	}
	return append(to, text...)
}

// appendFloat appends a number as expfmt writes it: without the sign of -0.
func appendFloat(to []byte, f float64) []byte {
	if f == 0 {
		return append(to, '0')
	}
	return strconv.AppendFloat(to, f, 'g', -1, 64)
}
