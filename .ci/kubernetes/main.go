// Command innius_exporter_kubernetes_check renders the Helm chart and judges what comes out, and keeps the plain manifests
// equal to it. It uses Helm's own engine, the API's own types and the Pod Security admission's own rules. It is a module of its
// own, so that the exporter needs none of them.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	write := flag.Bool("write", false, "write the plain manifests instead of comparing them")
	configs := flag.String("configs", "", "directory into which the exporter's config of each rendering is written")
	flag.Parse()
	if err := run(flag.Arg(0), *configs, *write); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run checks the chart and the manifests of the project in root.
func run(root, configs string, write bool) error {
	dir := filepath.Join(root, "packaging", "helm", "innius-exporter")
	if err := lintChart(dir); err != nil {
		return err
	}
	good, err := filepath.Glob(filepath.Join(dir, "ci", "*-values.yaml"))
	if err != nil || len(good) == 0 {
		return fmt.Errorf("no values to render with in %s: %w", dir, errors.Join(err, os.ErrNotExist))
	}
	for _, values := range append(good, "") {
		if err := checkRendering(dir, values, configs); err != nil {
			return fmt.Errorf("chart with %q: %w", filepath.Base(values), err)
		}
	}
	bad, err := filepath.Glob(filepath.Join(root, ".ci", "kubernetes", "testdata", "bad-*.yaml"))
	if err != nil || len(bad) == 0 {
		return fmt.Errorf("no bad values to try: %w", errors.Join(err, os.ErrNotExist))
	}
	for _, values := range bad {
		if _, err := render(dir, values); err == nil {
			return fmt.Errorf("chart with %q: these values are taken", filepath.Base(values))
		}
	}
	fmt.Printf("check-kubernetes: %d renderings are right, %d wrong sets of values refused\n", len(good)+1, len(bad))
	return manifests(dir, filepath.Join(root, "packaging", "kubernetes"), write)
}

// checkRendering judges the chart with one file of values, empty for the defaults.
func checkRendering(dir, values, configs string) error {
	files, err := render(dir, values)
	if err != nil {
		return err
	}
	objects, err := decodeAll(files)
	if err != nil {
		return err
	}
	if err := objects.check(); err != nil {
		return err
	}
	if configs == "" {
		return nil
	}
	name := filepath.Base(values) + ".config.yml"
	return os.WriteFile(filepath.Join(configs, name), []byte(objects.configMap.Data["config.yml"]), 0o600)
}
