package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// module is a module of which at least one package is linked into a binary.
type module struct {
	path, dir string
	packages  map[string]bool // their directories
}

// systems are what releases are built for; each links packages of its own.
var systems = []string{"linux", "darwin", "windows"}

// linkedModules returns the modules of the exporter in root, but itself.
func linkedModules(root string) ([]*module, error) {
	found := map[string]*module{}
	for _, system := range systems {
		list := exec.CommandContext(context.Background(), "go", "list", "-deps", "-f",
			"{{with .Module}}{{if not .Main}}{{.Path}}|{{.Dir}}|{{$.Dir}}{{end}}{{end}}", ".")
		list.Dir, list.Stderr = root, os.Stderr
		list.Env = append(os.Environ(), "GOOS="+system, "CGO_ENABLED=0")
		out, err := list.Output()
		if err != nil {
			return nil, fmt.Errorf("list the packages for %s: %w", system, err)
		}
		for line := range strings.Lines(string(out)) {
			add(found, strings.Split(strings.TrimSpace(line), "|"))
		}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b *module) int { return strings.Compare(a.path, b.path) }), nil
}

func add(found map[string]*module, fields []string) {
	if len(fields) != 3 {
		return // of our own module, or of Go itself
	}
	m := found[fields[0]]
	if m == nil {
		m = &module{path: fields[0], dir: fields[1], packages: map[string]bool{}}
		found[m.path] = m
	}
	m.packages[fields[2]] = true
}

// licences returns the licences in the files of a module: at its root, and next to a linked package or above it.
func (m *module) licences() ([]string, error) {
	var all []string
	for _, file := range m.files() {
		ids, err := judge(file)
		if err != nil {
			return nil, err
		}
		all = append(all, ids...)
	}
	if len(all) == 0 {
		return nil, errors.New("it has no licence")
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

func (m *module) files() []string {
	dirs := map[string]bool{}
	for dir := range m.packages {
		for ; len(dir) >= len(m.dir) && !dirs[dir]; dir = filepath.Dir(dir) {
			dirs[dir] = true
		}
	}
	var files []string
	for dir := range dirs {
		entries, _ := os.ReadDir(dir) // of a package that was just listed
		for _, e := range entries {
			if name := strings.ToUpper(e.Name()); !e.IsDir() && isLicence(name) {
				files = append(files, filepath.Join(dir, e.Name()))
			}
		}
	}
	return files
}

func isLicence(name string) bool {
	for _, beginning := range []string{"LICENSE", "LICENCE", "COPYING", "UNLICENSE"} {
		if strings.HasPrefix(name, beginning) && !strings.HasSuffix(name, ".GO") {
			return true
		}
	}
	return false
}

// summary lists how many modules have which licences, most frequent first.
func summary(modules map[string]int) string {
	names := slices.SortedFunc(maps.Keys(modules), func(a, b string) int {
		if modules[a] != modules[b] {
			return modules[b] - modules[a]
		}
		return strings.Compare(a, b)
	})
	for i, name := range names {
		names[i] = fmt.Sprintf("%d %s", modules[name], name)
	}
	return strings.Join(names, ", ")
}
