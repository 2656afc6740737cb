package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestEveryDirectDependencyIsExplainedAndNoOther(t *testing.T) {
	page, err := os.ReadFile("docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	table, _, _ := strings.Cut(string(page), "\n## Tools of the build")
	explained := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| .+ \\| .+ \\| v[0-9.]+, 20\\d\\d-\\d\\d-\\d\\d.* \\| .+ \\|$").FindAllStringSubmatch(table, -1) {
		explained[row[1]] = true
	}
	for _, module := range directDependencies(t) {
		if !explained[module] {
			t.Errorf("docs/dependencies.md has no whole row of %s", module)
		}
		delete(explained, module)
	}
	for module := range explained {
		t.Errorf("docs/dependencies.md explains %s, which go.mod does not require", module)
	}
}

// directDependencies are the modules that go.mod requires of itself.
func directDependencies(t *testing.T) []string {
	t.Helper()
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, line := range regexp.MustCompile(`(?m)^(?:\t|require )([^\s(]+) v\S+$`).FindAllStringSubmatch(string(mod), -1) {
		all = append(all, line[1])
	}
	if len(all) == 0 {
		t.Fatal("go.mod requires nothing")
	}
	return all
}
