package main

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
)

const allowancePage = "docs/allowance.md"

// TestTheTableOfAllowancesIsThePlans computes the table of docs/allowance.md; -update writes it.
func TestTheTableOfAllowancesIsThePlans(t *testing.T) {
	noEnvironment(t)
	text, err := os.ReadFile(allowancePage)
	if err != nil {
		t.Fatal(err)
	}
	const head = "| sensors | `requests_per_hour` | cycle | lists, every | age, reports all the time | reports every 1m | every 10m | every 1h |\n" +
		"| --- | --- | --- | --- | --- | --- | --- | --- |\n"
	before, rest, found := strings.Cut(string(text), head)
	old, after, ended := strings.Cut(rest, "\n\n")
	if !found || !ended {
		t.Fatal("the table is not found")
	}
	old = strings.TrimPrefix("\n"+old, "\n")
	if strings.HasPrefix(rest, "\n") {
		old, after = "", rest[1:]
	}
	var table strings.Builder
	for _, sensors := range []int{20, 100, 500, 2000, 5000} {
		for _, perHour := range []int{500, 1000, 5000, 20000} {
			table.WriteString(planRow(t, sensors, perHour) + "\n")
		}
	}
	made := strings.TrimSuffix(table.String(), "\n")
	if *update {
		if err := os.WriteFile(allowancePage, []byte(before+head+made+"\n\n"+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if old != made {
		t.Errorf("%s has another table; go test . -update writes\n%s", allowancePage, made)
	}
}

// planRow runs the plan and takes from its page what the table shows.
func planRow(t *testing.T, sensors, perHour int) string {
	t.Helper()
	var out strings.Builder
	args := []string{"plan", fmt.Sprintf("--sensors=%d", sensors), fmt.Sprintf("--requests-per-hour=%d", perHour)}
	if err := run(t.Context(), args, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	part := func(pattern string) string {
		m := regexp.MustCompile(pattern).FindStringSubmatch(out.String())
		if m == nil {
			t.Fatalf("%v: no %q in\n%s", args, pattern, out.String())
		}
		return strings.Join(m[1:], " / ")
	}
	ages := func(kind string) string { return part(kind + `.*?\s+[0-9.]+ +(\S+) +(\S+)\n`) }
	return fmt.Sprintf("| %d | %d | %s | %s | %s | %s | %s | %s |", sensors, perHour, part(`cycle +(\S+) `), part(`each read every (\S+)\n`),
		part(`(?m)^    fast: [^0-9]*[0-9]+ +[0-9.]+ +(\S+) +(\S+)$`), ages("every 1m:"), ages("every 10m:"), ages("every 1h:"))
}
