// Command innius_exporter_licence_check looks at the licence of every module that the exporter's binaries are made of, by the
// classifier of pkg.go.dev. It is a module of its own, so that the exporter does not need that.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run checks the project in root.
func run(root string) error {
	if err := refusesBad(filepath.Join(root, ".ci", "licences", "testdata")); err != nil {
		return err
	}
	linked, err := linkedModules(root)
	if err != nil {
		return err
	}
	var wrong []error
	modules := map[string]int{} // by licences
	for _, m := range linked {
		ids, err := m.licences()
		if err != nil {
			wrong = append(wrong, fmt.Errorf("check-licences: %s: %w", m.path, err))
		}
		modules[strings.Join(ids, " and ")]++
	}
	if len(wrong) > 0 {
		return errors.Join(wrong...)
	}
	fmt.Printf("check-licences: %d linked modules: %s\n", len(linked), summary(modules))
	return nil
}

// refusesBad proves that the check would notice: each text in a directory must be refused.
func refusesBad(dir string) error {
	texts, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, text := range texts {
		if ids, err := judge(filepath.Join(dir, text.Name())); err == nil {
			return fmt.Errorf("check-licences: %s passes as %v", text.Name(), ids)
		}
	}
	if len(texts) < 2 {
		return errors.New("check-licences: there are no bad texts to try")
	}
	return nil
}
