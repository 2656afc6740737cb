package web

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"strconv"
	"time"
)

//go:embed status.html
var statusTemplate string

// statusPage renders the status for people. html/template escapes everything: no name from the API can inject markup.
func statusPage(s Source) http.HandlerFunc {
	page := template.Must(template.New("status").Funcs(template.FuncMap{
		"age": age, "number": number, "moment": exact,
		"seconds": func(s float64) string { return age(&s) },
		"deref":   func(b *bool) bool { return *b },
		"rate":    rate,
		"times":   func(factor *float64) string { return strconv.FormatFloat(*factor, 'f', 1, 64) },
	}).Parse(statusTemplate))
	return func(w http.ResponseWriter, _ *http.Request) {
		var body bytes.Buffer
		if err := page.Execute(&body, s.Status()); err != nil {
			http.Error(w, "render the status page: "+err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		_, _ = body.WriteTo(w) // the client has gone: there is nobody to tell
	}
}

// age says a number of seconds in words, with the two largest units.
func age(seconds *float64) string {
	if seconds == nil {
		return ""
	}
	d := time.Duration(*seconds * float64(time.Second))
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d days %d h", int(d.Hours())/24, int(d.Hours())%24)
}

func number(value *float64) string {
	if value == nil {
		return ""
	}
	if size := math.Abs(*value); size >= 1e15 || size > 0 && size < 1e-6 {
		return strconv.FormatFloat(*value, 'g', -1, 64)
	}
	return strconv.FormatFloat(*value, 'f', -1, 64)
}

// rate says requests per hour: whole ones, unless they are few.
func rate(perHour float64) string {
	if perHour >= 100 || perHour == 0 {
		return strconv.FormatFloat(perHour, 'f', 0, 64)
	}
	return strconv.FormatFloat(perHour, 'g', 3, 64)
}

func exact(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Format("2006-01-02 15:04:05 UTC")
}
