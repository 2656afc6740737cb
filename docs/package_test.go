package docs_test

import (
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// packagedDocs returns the files of the deb and the rpm below their directory of documentation, by their path in it: the path in
// the repository. A directory is there if a file below it is.
func packagedDocs(t *testing.T) map[string]string {
	t.Helper()
	var nfpm struct {
		Contents []struct{ Src, Dst string }
	}
	if err := yaml.Unmarshal([]byte(read(t, "packaging/nfpm.yaml")), &nfpm); err != nil {
		t.Fatal(err)
	}
	packaged := map[string]string{}
	for _, c := range nfpm.Contents {
		dst, isDoc := strings.CutPrefix(c.Dst, "/usr/share/doc/innius-exporter/")
		sources, err := filepath.Glob(c.Src)
		if !isDoc || err != nil || len(sources) == 0 {
			continue
		}
		for _, src := range sources {
			to := dst
			if to == "" || strings.HasSuffix(dst, "/") {
				to += filepath.Base(src)
			}
			packaged[to] = src
			for dir := path.Dir(to); dir != "."; dir = path.Dir(dir) {
				packaged[dir] = ""
			}
		}
	}
	return packaged
}

func TestPackagedDocsHaveNoDeadLinks(t *testing.T) {
	packaged := packagedDocs(t)
	pages := 0
	for dst, src := range packaged {
		if !strings.HasSuffix(dst, ".md") {
			continue
		}
		pages++
		for _, m := range regexp.MustCompile(`\]\(([^)#]+)(#[^)]*)?\)`).FindAllStringSubmatch((page{src, read(t, src)}).prose(), -1) {
			if _, found := packaged[path.Join(path.Dir(dst), m[1])]; !found && !strings.Contains(m[1], "://") {
				t.Errorf("%s of the package links to %s, which is not in it", dst, m[1])
			}
		}
	}
	if pages < 12 {
		t.Errorf("only %d pages are packaged", pages)
	}
}
