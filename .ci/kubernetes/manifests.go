package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"sigs.k8s.io/yaml"
)

const header = "# Made from packaging/helm/innius-exporter by `make manifests`. Take a copy to put your own settings in.\n"

// manifests writes the plain manifests, which are the chart's with ci/manifests-values.yaml, or compares them.
func manifests(chart, dir string, write bool) error {
	files, err := render(chart, filepath.Join(chart, "ci", "manifests-values.yaml"))
	if err != nil {
		return err
	}
	var names []string
	for name, text := range files {
		names = append(names, name)
		want := header + withoutHelm(text)
		file := filepath.Join(dir, name)
		if write {
			if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
				return err
			}
			continue
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != want {
			return fmt.Errorf("%s is not what the chart makes: run make manifests", file)
		}
	}
	return checkKustomization(dir, names)
}

// helmsOwn are the lines that are true only where Helm keeps the objects: its labels, and the checksum that it renews.
var helmsOwn = regexp.MustCompile(`(?m)^ *(helm\.sh/chart|app\.kubernetes\.io/managed-by):.*\n|` +
	`^ *annotations:\n *#.*\n *checksum/config:.*\n`)

func withoutHelm(text string) string { return helmsOwn.ReplaceAllString(text, "") }

// checkKustomization finds a manifest that the kustomization forgets. That of the Prometheus operator is left to choose.
func checkKustomization(dir string, names []string) error {
	text, err := os.ReadFile(filepath.Join(dir, "kustomization.yaml"))
	if err != nil {
		return err
	}
	var k struct {
		APIVersion string           `json:"apiVersion"`
		Kind       string           `json:"kind"`
		Namespace  string           `json:"namespace"`
		Resources  []string         `json:"resources"`
		Images     []map[string]any `json:"images"`
	}
	if err := yaml.UnmarshalStrict(text, &k); err != nil {
		return err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name == "servicemonitor.yaml" })
	slices.Sort(names)
	slices.Sort(k.Resources)
	if !slices.Equal(names, k.Resources) {
		return fmt.Errorf("kustomization.yaml has %v instead of %v", k.Resources, names)
	}
	return nil
}
