package logging

import (
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"innius_exporter/innius"
)

const canary = "Canary+7f/3A-9e=41"

// noWay is a way to the network that fails.
type noWay struct{}

func (noWay) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("no way") }

// useKey makes a client use the canary.
func useKey(t *testing.T) {
	t.Helper()
	c, err := innius.New(innius.Options{
		BaseURL: &url.URL{Scheme: "https", Host: "innius.invalid"}, Pacer: innius.NewPacer(3.6e6, 10), HTTPClient: &http.Client{Transport: noWay{}},
		Key: func() (innius.Secret, error) { return innius.NewSecret(canary), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = c.Company(t.Context()); err == nil {
		t.Fatal("there was a way")
	}
}

type speaking string

func (s speaking) String() string { return string(s) }

type resolving string

func (r resolving) LogValue() slog.Value { return slog.GroupValue(slog.String("inner", string(r))) }

func TestLoggerRedactsAndCleansEveryKindOfValue(t *testing.T) {
	useKey(t)
	const hostile = "before " + canary + "\x1b[31m\u202ered\u200b\n"
	long := strings.Repeat("long", 20<<10)
	for name, write := range map[string]func(l *slog.Logger, text string){
		"message":      func(l *slog.Logger, text string) { l.Info(text) },
		"string":       func(l *slog.Logger, text string) { l.Info("m", "v", text) },
		"name":         func(l *slog.Logger, text string) { l.Info("m", slog.Int(strings.ReplaceAll(text, "\n", ""), 1)) },
		"error":        func(l *slog.Logger, text string) { l.Info("m", "err", errors.New(text)) },
		"wrapped":      func(l *slog.Logger, text string) { l.Info("m", "err", fmt.Errorf("x: %w", errors.New(text))) },
		"Stringer":     func(l *slog.Logger, text string) { l.Info("m", "v", speaking(text)) },
		"LogValuer":    func(l *slog.Logger, text string) { l.Info("m", "v", resolving(text)) },
		"struct":       func(l *slog.Logger, text string) { l.Info("m", "v", struct{ Text string }{text}) },
		"slice":        func(l *slog.Logger, text string) { l.Info("m", "v", []string{text}) },
		"map":          func(l *slog.Logger, text string) { l.Info("m", "v", map[string]any{"k": text}) },
		"group":        func(l *slog.Logger, text string) { l.Info("m", slog.Group("g", "v", text)) },
		"With":         func(l *slog.Logger, text string) { l.With("v", text).Info("m") },
		"WithGroup":    func(l *slog.Logger, text string) { l.WithGroup("g").With("w", text).Info("m", "v", errors.New(text)) },
		"default slog": func(l *slog.Logger, text string) { RouteStandard(l); slog.Error("m", "v", text) },
		"package log":  func(l *slog.Logger, text string) { RouteStandard(l); log.Printf("Unsolicited response: %s", text) },
	} {
		t.Run(name, func(t *testing.T) {
			for _, format := range Formats {
				out := new(strings.Builder)
				logger := New(out, "debug", format)
				write(logger, hostile)
				line := out.String()
				if strings.Contains(line, "7f/3A-9e") || strings.ContainsAny(line, "\x1b\u202e\u200b") || strings.Contains(line, `\u00`) ||
					strings.Count(line, "\n") != 1 || !strings.Contains(line, "<secret>") && !strings.Contains(line, `\u003csecret\u003e`) {
					t.Errorf("%s: %q", format, line)
				}
				out.Reset()
				if write(logger, long); out.Len() > maxMessage+500 || out.Len() > 3*maxValue && name != "message" && name != "package log" {
					t.Errorf("%s: a line of %d bytes", format, out.Len())
				}
			}
		})
	}
}
