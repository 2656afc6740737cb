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
// github.com/prometheus/common/expfmt. Series that follow one another share their first labels, which are encoded once.
type output struct {
	family  *family                  // of the series that are added
	metrics chan<- prometheus.Metric // instead of the text

	w   io.Writer
	err error // of w, the first
	buf []byte

	begun  *family  // its HELP and TYPE have been written
	shared []string // the first label values of the next series
	start  []byte   // of its line, up to the value of the next label
	labels []string // that are not shared
	plain  bool     // the values of these need no escape: to look through them takes time
}

// chunk is how much is written at once, in bytes: each write takes time too. room is for the line that exceeds it.
const chunk, room = 252 << 10, 4 << 10

// share sets the first label values of the series that follow in this family.
func (o *output) share(values ...string) { o.begin(o.family.name, o.family.labels, values) }

func (o *output) begin(name string, labels, values []string) {
	if o.shared, o.labels = append(o.shared[:0], values...), labels[len(values):]; o.metrics != nil {
		return
	}
	o.start = append(append(append(append(o.start[:0], name...), '{'), labels[0]...), `="`...)
	for i, value := range values {
		if o.start = appendEscaped(o.start, value); i+1 < len(labels) {
			o.start = append(append(append(o.start, `",`...), labels[i+1]...), `="`...)
		}
	}
}

// add adds a series; the values are those of the labels that are not shared. Label names need no escape.
func (o *output) add(value float64, values ...string) {
	if o.metrics != nil {
		o.metrics <- prometheus.MustNewConstMetric(o.family.desc, o.family.kind, value, append(slices.Clip(o.shared), values...)...)
		return
	}
	if f := o.family; o.begun != f {
		o.begun = f
		o.buf = fmt.Appendf(o.buf, "# HELP %s %s\n# TYPE %s %s\n", f.name, helpEscaper.Replace(f.help), f.name, f.typeName)
	}
	buf := append(o.buf, o.start...)
	for i, text := range values {
		if i > 0 {
			buf = append(append(append(buf, `",`...), o.labels[i]...), `="`...)
		}
		if o.plain {
			buf = append(buf, text...)
		} else {
			buf = appendEscaped(buf, text)
		}
	}
	if o.buf = append(appendFloat(append(buf, `"} `...), value), '\n'); len(o.buf) >= chunk {
		o.flush()
	}
}

// addHistogram adds the series of a histogram.
func (o *output) addHistogram(h *poller.Histogram, account string) {
	buckets, count, sum := h.Read()
	if o.metrics == nil {
		o.begin(o.family.name+"_bucket", []string{"account", "le"}, []string{account})
		for _, b := range append(buckets, poller.Bucket{UpTo: math.Inf(1), Count: count}) {
			o.add(float64(b.Count), string(appendFloat(nil, b.UpTo)))
		}
		o.begin(o.family.name+"_sum", o.family.labels, []string{account})
		o.add(sum)
		o.begin(o.family.name+"_count", o.family.labels, []string{account})
		o.add(float64(count))
		return
	}
	counts := map[float64]uint64{}
	for _, b := range buckets {
		counts[b.UpTo] = b.Count
	}
	o.metrics <- prometheus.MustNewConstHistogram(o.family.desc, count, sum, counts, account)
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
	if isPlain(text) {
		return append(to, text...)
	}
	return append(to, valueEscaper.Replace(text)...)
}

// isPlain reports whether a label value needs no escape. It is quicker than strings.ContainsAny for short texts.
func isPlain(text string) bool {
	return strings.IndexByte(text, '\\') < 0 && strings.IndexByte(text, '\n') < 0 && strings.IndexByte(text, '"') < 0
}

// appendFloat appends a number as expfmt writes it: without the sign of -0. Most are short decimals or times in milliseconds. No
// search for the shortest digits is needed for these: if at most 15 digits give a number, no others that few do.
func appendFloat(to []byte, f float64) []byte {
	first, size := len(to), math.Abs(f)
	if n := int64(size*1e4 + 0.5); n < 1e10 && float64(n)/1e4 == size {
		if f < 0 {
			to = append(to, '-')
		}
		if to = strconv.AppendInt(to, n/1e4, 10); n%1e4 > 0 {
			first = len(to)
			to = strconv.AppendInt(to, 1e4+n%1e4, 10)
			to[first] = '.'
			to = trimZeros(to)
		}
		return to
	}
	if ms := int64(f*1e3 + 0.5); 1e12 <= ms && ms < 1e13 && float64(ms)/1e3 == f {
		to = strconv.AppendInt(append(to, 0), ms, 10)
		to[first], to[first+1] = to[first+1], '.'
		return append(trimZeros(to), "e+09"...)
	}
	return strconv.AppendFloat(to, f, 'g', -1, 64)
}

// trimZeros removes zeros at the end of a fraction, and its point if nothing else is left.
func trimZeros(text []byte) []byte {
	end := len(text)
	for text[end-1] == '0' {
		end--
	}
	if text[end-1] == '.' {
		end--
	}
	return text[:end]
}
