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

// One minute in the rules takes one second here, and `for` at most maxFor.
const (
	faster = 60
	maxFor = 10 * time.Second
)

var (
	duration = regexp.MustCompile(`\b(\d+)(s|m|h|d)\b`)
	// seconds are plain numbers of seconds in expressions. That for the state file stays, because the exporter writes it every
	// minute.
	seconds = regexp.MustCompile(`\b(900|600|120|3600)\b`)
)

// shorten divides the durations in a rule file.
func shorten(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		code, isText := strings.TrimSpace(line), false
		for _, prefix := range []string{"#", "summary:", "description:", "runbook_url:"} {
			isText = isText || strings.HasPrefix(code, prefix)
		}
		switch {
		case isText, !strings.ContainsAny(line, "0123456789"):
		case strings.HasPrefix(code, "for:"):
			lines[i] = duration.ReplaceAllStringFunc(line, func(s string) string { return format(min(divide(s), maxFor)) })
		case strings.HasPrefix(code, "- record:"), strings.HasPrefix(code, "- alert:"), strings.Contains(line, "state_last_write"):
		default:
			line = duration.ReplaceAllStringFunc(line, func(s string) string { return format(divide(s)) })
			lines[i] = seconds.ReplaceAllStringFunc(line, func(s string) string {
				n, _ := strconv.Atoi(s)
				return strconv.Itoa(n / faster)
			})
		}
	}
	return strings.Join(lines, "\n")
}

func divide(text string) time.Duration {
	m := duration.FindStringSubmatch(text)
	n, _ := strconv.Atoi(m[1])
	unit := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}[m[2]]
	return max(time.Second, time.Duration(n)*unit/faster)
}

func format(d time.Duration) string { return fmt.Sprintf("%ds", int(d.Seconds())) }

// shortenRules writes shortened copies of the rule files, and returns their paths.
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
		write(t, files[i], shorten(string(text)))
	}
	return files
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// replaceAll replaces each first text of the pairs by the second. Each must occur.
func replaceAll(t *testing.T, text string, pairs ...string) string {
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
