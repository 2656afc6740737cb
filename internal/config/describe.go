package config

import (
	"fmt"
	"maps"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// address shows scheme and host only: a path can be private.
func address(u *url.URL) string {
	if u == nil {
		return "none"
	}
	return u.Scheme + "://" + u.Host
}

// String tells the allowance in the words that check config prints.
func (r RateLimit) String() string {
	return fmt.Sprintf("%s requests an hour (%s %% of %s): one every %s; after a pause up to %d at once",
		short(r.Own()), short(100*r.Share), short(r.RequestsPerHour), brief(hours(1/r.Own())), r.OwnBurst())
}

// hours makes a duration, the longest one where the number is beyond it.
func hours(n float64) time.Duration {
	return time.Duration(min(n*float64(time.Hour), float64(math.MaxInt64/2)))
}

// brief rounds a duration to what a reader needs.
func brief(d time.Duration) string {
	unit := time.Second
	if d < 10*time.Second {
		unit = 10 * time.Millisecond
	}
	return d.Round(unit).String()
}

// short writes a number with at most two decimals.
func short(n float64) string { return figure(float64(int64(n*100+0.5)) / 100) }

func staleText(d time.Duration) string {
	if d == 0 {
		return "auto: 20 times the sensor's learned pace, at least 1h, at most 1d, never less than two rounds"
	}
	return span(d)
}

// String tells which ids and names a filter lets through.
func (f Filter) String() string {
	text := "all"
	if len(f.Include) > 0 {
		text = "those that match " + list(f.Include)
	}
	if len(f.Exclude) > 0 {
		text += ", but none that match " + list(f.Exclude)
	}
	return text
}

func list(patterns []*regexp.Regexp) string {
	var quoted []string
	for _, re := range patterns {
		quoted = append(quoted, fmt.Sprintf("%q", written(re)))
	}
	return strings.Join(quoted, " or ")
}

// String tells what a rule is for and what it changes.
func (r SensorRule) String() string {
	parts := []string{fmt.Sprintf("machine %s, sensor %s", match(r.Machine), match(r.Sensor))}
	if r.MaxAge > 0 {
		parts = append(parts, fmt.Sprintf("max_age %s (costs %s requests an hour a sensor)",
			span(r.MaxAge), short(time.Hour.Seconds()/r.MaxAge.Seconds())))
	}
	parts = append(parts, "weight "+figure(r.Weight))
	if r.StaleAfter > 0 {
		parts = append(parts, "stale after "+span(r.StaleAfter))
	}
	for _, text := range slices.Sorted(maps.Keys(r.Values)) {
		parts = append(parts, fmt.Sprintf("%q is %s", text, figure(r.Values[text])))
	}
	return strings.Join(parts, ", ")
}

func match(re *regexp.Regexp) string {
	if re == nil {
		return "any"
	}
	return fmt.Sprintf("%q", written(re))
}

// String tells the way to innius: proxy and TLS.
func (h HTTPClient) String() string {
	parts := []string{"no proxy"}
	switch {
	case h.ProxyURL != nil && h.NoProxy != "":
		parts[0] = "proxy " + address(h.ProxyURL) + " but for " + h.NoProxy
	case h.ProxyURL != nil:
		parts[0] = "proxy " + address(h.ProxyURL)
	case h.ProxyFromEnvironment:
		parts[0] = "proxy as HTTPS_PROXY and its like say"
	}
	for _, file := range []struct{ label, path string }{
		{"CA file ", h.TLS.CAFile}, {"client certificate ", h.TLS.CertFile}, {"server name ", h.TLS.ServerName},
	} {
		if file.path != "" {
			parts = append(parts, file.label+file.path)
		}
	}
	return strings.Join(parts, ", ")
}
