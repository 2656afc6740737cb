package collector

import (
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

	begun  *family  // its HELP and TYPE have been written
	start  []byte   // of the latest line: name and labels, without the closing brace
	name   string   // of that line
	values []string // of its labels
	ends   []int    // where in start the name and each label end
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
		o.name, o.values = name, o.values[:0]
		o.start, o.ends = append(o.start[:0], name...), append(o.ends[:0], len(name))
	}
	same := 0
	for same < len(o.values) && values[same] == o.values[same] {
		same++
	}
	o.start, o.values, o.ends = o.start[:o.ends[same]], o.values[:same], o.ends[:same+1]
	for i := same; i < len(values); i++ {
		o.start = append(append(append(o.start, "{,"[min(i, 1)]), labels[i]...), `="`...)
		o.start = append(appendEscaped(o.start, values[i]), '"')
		o.values, o.ends = append(o.values, values[i]), append(o.ends, len(o.start))
	}
	o.buf = append(append(o.buf, o.start...), "} "...)
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

func appendEscaped(to []byte, text string) []byte {
	for i := range len(text) { // strings.ContainsAny would take several times as long, and it is most of the time of a scrape
		if c := text[i]; c == '\\' || c == '\n' || c == '"' {
			return append(to, valueEscaper.Replace(text)...)
		}
	}
	return append(to, text...)
}

// appendFloat appends a number as expfmt writes it: without the sign of -0. Integers are many, and quick to write.
func appendFloat(to []byte, f float64) []byte {
	if -1e6 < f && f < 1e6 && f == float64(int64(f)) {
		return strconv.AppendInt(to, int64(f), 10)
	}
	return strconv.AppendFloat(to, f, 'g', -1, 64)
}
