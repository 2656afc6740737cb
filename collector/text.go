package collector

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"innius_exporter/internal/poller"
)

// output takes series, sorted by their label values, for a registry or as text. The text is that of
// github.com/prometheus/common/expfmt. Series that follow one another share most of their labels: those are not encoded again.
type output struct {
	family  *family                  // of the series that are added
	metrics chan<- prometheus.Metric // instead of the text

	w   io.Writer
	err error // of w, the first
	buf []byte

	plain int // so many label values of the next series, the first ones, need no escape

	begun  *family  // its HELP and TYPE have been written
	name   string   // of the latest line
	start  []byte   // of that line, up to the value of the last label
	values []string // of its labels but the last
	begin  []int    // where in start, or behind it, the value of each label begins
}

// chunk is how much is written at once, in bytes.
const chunk = 64 << 10

// add adds a series; the values are those of the family's labels.
func (o *output) add(value float64, values ...string) {
	if o.metrics == nil {
		o.line(o.family.name, o.family.labels, values, value)
		return
	}
	o.metrics <- prometheus.MustNewConstMetric(o.family.desc, o.family.kind, value, slices.Clone(values)...)
}

// addHistogram adds the series of a histogram.
func (o *output) addHistogram(h *poller.Histogram, account string) {
	buckets, count, sum := h.Read()
	if o.metrics == nil {
		for _, b := range append(buckets, poller.Bucket{UpTo: math.Inf(1), Count: count}) {
			bound := string(appendFloat(nil, b.UpTo))
			o.line(o.family.name+"_bucket", []string{"account", "le"}, []string{account, bound}, float64(b.Count))
		}
		o.line(o.family.name+"_sum", o.family.labels, []string{account}, sum)
		o.line(o.family.name+"_count", o.family.labels, []string{account}, float64(count))
		return
	}
	counts := map[float64]uint64{}
	for _, b := range buckets {
		counts[b.UpTo] = b.Count
	}
	o.metrics <- prometheus.MustNewConstHistogram(o.family.desc, count, sum, counts, account)
}

// line writes one series. Label names need no escape, and there is at least one.
func (o *output) line(name string, labels, values []string, value float64) {
	if f := o.family; o.begun != f {
		o.begun = f
		o.buf = fmt.Appendf(o.buf, "# HELP %s %s\n# TYPE %s %s\n", f.name, helpEscaper.Replace(f.help), f.name, f.typeName)
	}
	if o.name != name {
		o.name, o.values, o.begin = name, o.values[:0], o.begin[:0]
		o.start = append(append(append(append(o.start[:0], name...), '{'), labels[0]...), `="`...)
		o.begin = append(o.begin, len(o.start))
	}
	last, same := len(values)-1, 0
	for same < len(o.values) && values[same] == o.values[same] {
		same++
	}
	if same < last || same < len(o.values) {
		o.start, o.values, o.begin = o.start[:o.begin[same]], o.values[:same], o.begin[:same+1]
		for i := same; i < last; i++ {
			o.start = append(append(append(o.appendValue(o.start, values, i), `",`...), labels[i+1]...), `="`...)
			o.values, o.begin = append(o.values, values[i]), append(o.begin, len(o.start))
		}
	}
	o.buf = append(o.appendValue(append(o.buf, o.start...), values, last), `"} `...)
	if o.buf = append(appendFloat(o.buf, value), '\n'); len(o.buf) >= chunk {
		o.flush()
	}
}

// flush writes what has been encoded.
func (o *output) flush() {
	if o.err == nil {
		_, o.err = o.w.Write(o.buf)
	}
	o.buf = o.buf[:0]
}

var (
	helpEscaper  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	valueEscaper = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
)

func (o *output) appendValue(to []byte, values []string, i int) []byte {
	if i < o.plain || isPlain(values[i]) {
		return append(to, values[i]...)
	}
	return append(to, valueEscaper.Replace(values[i])...)
}

// isPlain reports whether a label value needs no escape. It is quicker than strings.ContainsAny for short texts.
func isPlain(text string) bool {
	return strings.IndexByte(text, '\\') < 0 && strings.IndexByte(text, '\n') < 0 && strings.IndexByte(text, '"') < 0
}

// appendFloat appends a number as expfmt writes it: without the sign of -0. Most are integers or times in milliseconds, which need
// no search for the shortest digits.
func appendFloat(to []byte, f float64) []byte {
	if -1e6 < f && f < 1e6 && f == float64(int64(f)) {
		return strconv.AppendInt(to, int64(f), 10)
	}
	if ms := math.Round(f * 1e3); 1e12 <= ms && ms < 1e13 && ms/1e3 == f {
		first := len(to)
		to = append(strconv.AppendInt(to, int64(ms), 10), 0)
		copy(to[first+2:], to[first+1:])
		to[first+1] = '.'
		return append(bytes.TrimRight(bytes.TrimRight(to, "0"), "."), "e+09"...)
	}
	return strconv.AppendFloat(to, f, 'g', -1, 64)
}
