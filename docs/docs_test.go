package docs_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kingpin/v2"
	"go.yaml.in/yaml/v4"

	"innius_exporter/internal/cli"
)

// page is one page of the documentation.
type page struct{ file, text string }

// pages reads every page.
func pages(t *testing.T) []page {
	t.Helper()
	var all []page
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/dev/*.md", "packaging/*.md", "grafana/*.md"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatal(pattern, files, err)
		}
		for _, file := range files {
			all = append(all, page{file, read(t, file)})
		}
	}
	return all
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var fence = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$")

// blocks returns the content of the fenced blocks of a language.
func (p page) blocks(language string) []string {
	var all []string
	for _, m := range fence.FindAllStringSubmatch(p.text, -1) {
		if m[1] == language {
			all = append(all, m[2])
		}
	}
	return all
}

// prose returns the page without fenced blocks.
func (p page) prose() string { return fence.ReplaceAllString(p.text, "") }

// foreignFlags are flags of other programs that the docs mention.
var foreignFlags = []string{"from-file", "web.enable-remote-write-receiver", "tsdb.out-of-order.time-window"}

func TestDocsFlagsExist(t *testing.T) {
	model := cli.New(io.Discard).Model()
	known := foreignFlags
	for _, c := range append(model.FlattenedCommands(), &kingpin.CmdModel{FlagGroupModel: model.FlagGroupModel}) {
		for _, f := range c.Flags {
			known = append(known, f.Name)
		}
	}
	for _, p := range pages(t) {
		for _, m := range regexp.MustCompile("`--([a-z][a-z.-]*)[=`]").FindAllStringSubmatch(p.prose(), -1) {
			if !slices.Contains(known, m[1]) {
				t.Errorf("%s: there is no flag --%s", p.file, m[1])
			}
		}
	}
}

func TestDocsTableOfFlagsIsComplete(t *testing.T) {
	documented := map[string]string{} // flag: default
	for _, m := range regexp.MustCompile("(?m)^\\| `--([a-z.-]+)` \\| (.*?) \\|").FindAllStringSubmatch(read(t, "docs/configuration.md"), -1) {
		documented[m[1]] = strings.Trim(m[2], "`")
	}
	model := cli.New(io.Discard).Model()
	run := slices.IndexFunc(model.Commands, func(c *kingpin.CmdModel) bool { return c.Name == "run" })
	for _, f := range slices.Concat(model.Flags, model.Commands[run].Flags) {
		def, found := documented[f.Name]
		delete(documented, f.Name)
		switch {
		case f.Hidden || strings.HasPrefix(f.Name, "help") || f.Name == "version":
		case !found:
			t.Errorf("docs/configuration.md has no --%s", f.Name)
		case strings.Join(f.Default, "") != "" && f.Default[0] != def && f.Default[0] != "false":
			t.Errorf("docs/configuration.md: the default of --%s is %q, not %q", f.Name, f.Default, def)
		}
	}
	for name := range documented {
		t.Errorf("docs/configuration.md has --%s, which the command run does not have", name)
	}
}

// commandLine matches our command in a shell block, after a prompt and variables.
var commandLine = regexp.MustCompile(`(?m)^(?:\$ )?(?:[A-Z_]+=\S+ )*(?:\./)?innius_exporter((?: .*)?)$`)

func TestDocsCommandsParse(t *testing.T) {
	for _, p := range pages(t) {
		for _, block := range slices.Concat(p.blocks("sh"), p.blocks("")) {
			for _, m := range commandLine.FindAllStringSubmatch(strings.ReplaceAll(block, "\\\n", ""), -1) {
				line := cli.New(io.Discard)
				line.Terminate(func(int) {}) // --version would end the test
				if _, err := line.Parse(strings.Fields(strings.TrimSuffix(m[1], " &"))); err != nil {
					t.Errorf("%s: innius_exporter%s: %v", p.file, m[1], err)
				}
			}
		}
	}
}

// A test in internal/cli compares docs/metrics.md with the exposition, which has no innius_sensor_reading.
func TestDocsMetricsExist(t *testing.T) {
	table := read(t, "docs/metrics.md")
	for _, p := range pages(t) {
		for _, name := range regexp.MustCompile(`\binnius_[a-z]+[a-z_]*`).FindAllString(p.text, -1) {
			base := regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(name, "")
			if !strings.Contains(table, "| `"+base+"` |") && !strings.HasSuffix(base, "_") && name != "innius_exporter" && name != "innius_sensor_reading" {
				t.Errorf("%s: metric %s is not in docs/metrics.md", p.file, name)
			}
		}
	}
}

func TestDocsLinksHaveTargets(t *testing.T) {
	for _, p := range pages(t) {
		for _, m := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(p.prose(), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			file, anchor, _ := strings.Cut(m[1], "#")
			target := filepath.Join(filepath.Dir(p.file), file)
			if file == "" {
				target = p.file
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: link %s: %v", p.file, m[1], err)
			} else if anchor != "" && !slices.Contains(anchors(read(t, target)), anchor) {
				t.Errorf("%s: %s has no heading #%s", p.file, target, anchor)
			}
		}
	}
}

// anchors returns the headings of a page as links name them.
func anchors(text string) []string {
	var all []string
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		plain := regexp.MustCompile(`[^a-z0-9 _-]`).ReplaceAllString(strings.ToLower(m[1]), "")
		all = append(all, strings.ReplaceAll(plain, " ", "-"))
	}
	return all
}

func TestDocsYAMLParses(t *testing.T) {
	for _, p := range pages(t) {
		for _, block := range p.blocks("yaml") {
			loader, err := yaml.NewLoader(strings.NewReader(block))
			for err == nil {
				var any yaml.Node
				err = loader.Load(&any)
			}
			if !errors.Is(err, io.EOF) {
				t.Errorf("%s: %v in\n%s", p.file, err, block)
			}
		}
	}
}

func noEnvironment(t *testing.T) {
	t.Helper()
	for _, name := range []string{"INNIUS_URL", "INNIUS_API_KEY", "STATE_DIRECTORY"} {
		t.Setenv(name, "")
	}
}
