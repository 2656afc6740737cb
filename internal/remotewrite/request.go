package remotewrite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/snappy"
	"google.golang.org/protobuf/encoding/protowire"

	"innius_exporter/innius"
)

// Receiver is a server that takes readings by remote write.
type Receiver struct {
	Name      string // identifies its spool over reloads and restarts
	URL       *url.URL
	Labels    map[string]string // added to each series
	Headers   map[string]innius.Secret
	Transport http.RoundTripper
	Timeout   time.Duration // of a request
	Spool     int64         // bytes on disk, at most
	UserAgent string

	// Authorization returns the header of this name, empty for none, and the secrets in it. Its errors are safe to show.
	Authorization func() (header string, secrets []string, err error)
}

// metric is the name of the series. Scraped series have another: there, readings with their own time would be out of order.
const metric = "innius_sensor_reading"

// encode returns the body of a request, remote write 1.0: a snappy block of a message WriteRequest. Readings that occur twice,
// after a crash, are sent once.
func encode(samples []sample, external map[string]string) []byte {
	var request []byte
	groups := map[series][]sample{}
	for _, s := range samples {
		groups[s.series] = append(groups[s.series], s)
	}
	for _, one := range groups {
		slices.SortStableFunc(one, byTime)
		labels := maps.Clone(external)
		if labels == nil {
			labels = map[string]string{}
		}
		labels["__name__"] = metric
		labels["company"], labels["machine"], labels["sensor"] = one[0].company, one[0].machine, one[0].sensor
		var encoded []byte
		for _, name := range slices.Sorted(maps.Keys(labels)) {
			if labels[name] == "" {
				continue // means: no label
			}
			label := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), name)
			label = protowire.AppendString(protowire.AppendTag(label, 2, protowire.BytesType), labels[name])
			encoded = protowire.AppendBytes(protowire.AppendTag(encoded, 1, protowire.BytesType), label)
		}
		for _, r := range slices.Compact(one) {
			reading := protowire.AppendFixed64(protowire.AppendTag(nil, 1, protowire.Fixed64Type), math.Float64bits(r.value))
			reading = protowire.AppendVarint(protowire.AppendTag(reading, 2, protowire.VarintType), uint64(r.time))
			encoded = protowire.AppendBytes(protowire.AppendTag(encoded, 2, protowire.BytesType), reading)
		}
		request = protowire.AppendBytes(protowire.AppendTag(request, 1, protowire.BytesType), encoded)
	}
	return snappy.Encode(nil, request)
}

// failure is a request that was not accepted.
type failure struct {
	code int // status; 0: no response, or nothing was sent
	text string
	wait time.Duration // that the receiver requests; 0: none
}

func (f *failure) Error() string {
	if f.code == 0 {
		return f.text
	}
	return strings.TrimSuffix(fmt.Sprintf("status %d: %s", f.code, f.text), ": ")
}

// post sends readings and returns the status of the response, 0 without one. The failure is nil if they were accepted.
func (r *Receiver) post(ctx context.Context, samples []sample) (code int, _ *failure) {
	ctx, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.URL.String(), bytes.NewReader(encode(samples, r.Labels)))
	if err != nil {
		return 0, &failure{text: "url is unusable"}
	}
	request.Header.Set("Content-Type", "application/x-protobuf")
	request.Header.Set("Content-Encoding", "snappy")
	request.Header.Set("X-Prometheus-Remote-Write-Version", "0.1.0")
	request.Header.Set("User-Agent", r.UserAgent)
	for name, value := range r.Headers {
		request.Header.Set(name, value.Reveal())
	}
	authorization, secrets, err := r.Authorization()
	if err != nil {
		return 0, &failure{text: err.Error()}
	}
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	noRedirects := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client := http.Client{Transport: r.Transport, CheckRedirect: noRedirects}
	response, err := client.Do(request)
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err // without the URL, of which the query may be secret
	}
	if err != nil {
		return 0, &failure{text: r.redact(err.Error(), secrets)}
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode/100 == 2 {
		return response.StatusCode, nil
	}
	text, _ := innius.ReadBody(response, 4<<10) // without it the status is enough
	return response.StatusCode, &failure{
		response.StatusCode, r.redact(string(text), secrets), retryAfter(response.Header.Get("Retry-After")),
	}
}

// closeIdleConnections closes the connections that no request uses.
func (r *Receiver) closeIdleConnections() {
	client := http.Client{Transport: r.Transport}
	client.CloseIdleConnections()
}

// maxText bounds the text of a receiver in an error, in bytes.
const maxText = 300

// redact makes a text of a receiver safe to show: one line, cut, without the secrets that were sent to it.
func (r *Receiver) redact(text string, secrets []string) string {
	for name, values := range r.URL.Query() {
		if slices.Equal(values, []string{""}) { // a query that is nothing but a secret
			values = []string{name}
		}
		secrets = append(secrets, values...)
	}
	for _, secret := range secrets {
		text = innius.NewSecret(secret).Redact(text)
	}
	for _, secret := range r.Headers {
		text = secret.Redact(text)
	}
	return innius.Redact(text, maxText)
}

// maxRetryAfter bounds a Retry-After: a larger one is a mistake of the server.
const maxRetryAfter = time.Hour

// retryAfter reads the header: seconds, or an HTTP date.
func retryAfter(header string) time.Duration {
	wait := time.Duration(0)
	if at, err := http.ParseTime(header); err == nil {
		wait = time.Until(at)
	} else if seconds, err := strconv.ParseUint(header, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	}
	return min(max(0, wait), maxRetryAfter)
}
