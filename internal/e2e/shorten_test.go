package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A minute of the rules is a second here. Nobody waits longer than mostFor for an alert.
const (
	faster  = 60
	mostFor = 10 * time.Second
)

var (
	span = regexp.MustCompile(`\b(\d+)(s|m|h|d)\b`)
	// seconds are the plain numbers of seconds in expressions; those about the state's file are left, for the exporter
	// writes it once a minute.
	seconds = regexp.MustCompile(`\b(900|600|120|3600)\b`)
)

// shortened is a rule file with its durations divided.
func shortened(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		code, isText := strings.TrimSpace(line), false
		for _, prefix := range []string{"#", "summary:", "description:", "runbook_url:"} {
			isText = isText || strings.HasPrefix(code, prefix)
		}
		switch {
		case isText, !strings.ContainsAny(line, "0123456789"):
		case strings.HasPrefix(code, "for:"):
			lines[i] = span.ReplaceAllStringFunc(line, func(s string) string { return written(min(divided(s), mostFor)) })
		case strings.HasPrefix(code, "- record:"), strings.HasPrefix(code, "- alert:"), strings.Contains(line, "state_last_write"):
		default:
			line = span.ReplaceAllStringFunc(line, func(s string) string { return written(divided(s)) })
			lines[i] = seconds.ReplaceAllStringFunc(line, func(s string) string {
				n, _ := strconv.Atoi(s)
				return strconv.Itoa(n / faster)
			})
		}
	}
	return strings.Join(lines, "\n")
}

func divided(text string) time.Duration {
	m := span.FindStringSubmatch(text)
	n, _ := strconv.Atoi(m[1])
	unit := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}[m[2]]
	return max(time.Second, time.Duration(n)*unit/faster)
}

func written(d time.Duration) string { return fmt.Sprintf("%ds", int(d.Seconds())) }

// shortenRules writes the rules of the repository, shortened, and returns where.
func shortenRules(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob("../../prometheus/*.rules.yml")
	if err != nil || len(files) == 0 {
		t.Fatal("no rules", err)
	}
	for i, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		files[i] = filepath.Join(dir, filepath.Base(file))
		write(t, files[i], shortened(string(text)))
	}
	return files
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// replaced is a text in which each of these was found and replaced.
func replaced(t *testing.T, text string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("%q is not in\n%s", pairs[i], text)
		}
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	return text
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
