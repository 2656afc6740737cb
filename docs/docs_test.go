package docs_test

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"innius_exporter/internal/cli"

	"github.com/alecthomas/kingpin/v2"
	"go.yaml.in/yaml/v4"
)

// docPage is one page of the documentation.
type docPage struct{ file, text string }

// pages are all of docs/, and SECURITY.md.
func pages(t *testing.T) []docPage {
	t.Helper()
	files, err := filepath.Glob("docs/*.md")
	dev, errDev := filepath.Glob("docs/dev/*.md")
	if files = append(files, dev...); err != nil || errDev != nil || len(files) < 6 {
		t.Fatal(files, err, errDev)
	}
	var all []docPage
	for _, file := range append(files, "SECURITY.md") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, docPage{file, string(text)})
	}
	return all
}

var fence = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$")

// blocks are the fenced blocks of a kind, without their fences.
func (p docPage) blocks(kind string) []string {
	var all []string
	for _, m := range fence.FindAllStringSubmatch(p.text, -1) {
		if m[1] == kind {
			all = append(all, m[2])
		}
	}
	return all
}

// prose is a page without its fenced blocks.
func (p docPage) prose() string { return fence.ReplaceAllString(p.text, "") }

func allFlags() []string {
	var names []string
	model := cli.New(io.Discard).Model()
	add := func(flags []*kingpin.FlagModel) {
		for _, f := range flags {
			names = append(names, f.Name)
		}
	}
	add(model.Flags)
	for _, c := range model.FlattenedCommands() {
		add(c.Flags)
	}
	return names
}

func TestEveryFlagInTheDocsExists(t *testing.T) {
	known := allFlags()
	for _, p := range pages(t) {
		for _, m := range regexp.MustCompile("`--([a-z][a-z.-]*)[=`]").FindAllStringSubmatch(p.prose(), -1) {
			if !slices.Contains(known, m[1]) {
				t.Errorf("%s: there is no flag --%s", p.file, m[1])
			}
		}
	}
}

func TestTheTableOfFlagsIsTheProgramsOwn(t *testing.T) {
	documented := map[string]string{}
	for _, p := range pages(t) {
		if p.file == "docs/configuration.md" {
			for _, m := range regexp.MustCompile("(?m)^\\| `--([a-z.-]+)` \\| (.*?) \\|").FindAllStringSubmatch(p.text, -1) {
				documented[m[1]] = strings.Trim(m[2], "`")
			}
		}
	}
	model := cli.New(io.Discard).Model()
	for _, f := range slices.Concat(model.Flags, model.Commands[slices.IndexFunc(model.Commands, func(c *kingpin.CmdModel) bool { return c.Name == "run" })].Flags) {
		standard, found := documented[f.Name]
		delete(documented, f.Name)
		switch {
		case f.Hidden || strings.HasPrefix(f.Name, "help") || f.Name == "version":
		case !found:
			t.Errorf("docs/configuration.md does not have --%s", f.Name)
		case strings.Join(f.Default, "") != "" && f.Default[0] != standard && f.Default[0] != "false":
			t.Errorf("docs/configuration.md: --%s is %q by default, not %q", f.Name, f.Default, standard)
		}
	}
	for name := range documented {
		t.Errorf("docs/configuration.md has --%s, which run does not have", name)
	}
}

// commandLine matches a command of ours in a block of a shell, behind variables and a prompt.
var commandLine = regexp.MustCompile(`(?m)^(?:\$ )?(?:[A-Z_]+=\S+ )*(?:\./)?innius_exporter((?: .*)?)$`)

func TestEveryCommandInTheDocsParses(t *testing.T) {
	found := 0
	for _, p := range pages(t) {
		for _, block := range slices.Concat(p.blocks("sh"), p.blocks("console")) {
			for _, m := range commandLine.FindAllStringSubmatch(strings.ReplaceAll(block, "\\\n", ""), -1) {
				found++
				args := strings.Fields(strings.TrimSuffix(m[1], " &"))
				line := cli.New(io.Discard)
				line.Terminate(func(int) {}) // --version would end the test
				if _, err := line.Parse(args); err != nil {
					t.Errorf("%s: innius_exporter%s: %v", p.file, m[1], err)
				}
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d commands were found", found)
	}
}

func noEnvironment(t *testing.T) {
	t.Helper()
	for _, name := range []string{"INNIUS_URL", "INNIUS_API_KEY", "STATE_DIRECTORY"} {
		t.Setenv(name, "")
	}
}

func TestEveryMetricInTheDocsIsInTheTable(t *testing.T) {
	table, err := os.ReadFile("docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pages(t) {
		for _, name := range regexp.MustCompile(`\binnius_[a-z]+[a-z_]*`).FindAllString(p.text, -1) {
			base := regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(name, "")
			if !strings.Contains(string(table), "| `"+base+"` |") && name != "innius_exporter" {
				t.Errorf("%s: metric %s is not in docs/metrics.md", p.file, name)
			}
		}
	}
}

func TestEveryLinkInTheDocsLeadsSomewhere(t *testing.T) {
	for _, p := range pages(t) {
		for _, m := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(p.text, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			file, anchor, _ := strings.Cut(m[1], "#")
			target := filepath.Join(filepath.Dir(p.file), file)
			if file == "" {
				target = p.file
			}
			text, err := os.ReadFile(target)
			if _, absent := os.Stat(target); absent != nil {
				t.Errorf("%s: %s leads nowhere", p.file, m[1])
			}
			if anchor != "" && (err != nil || !slices.Contains(anchors(string(text)), anchor)) {
				t.Errorf("%s: there is no heading #%s in %s", p.file, anchor, target)
			}
		}
	}
}

// anchors are the headings of a page, as links name them.
func anchors(text string) []string {
	var all []string
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		plain := regexp.MustCompile(`[^a-z0-9 _-]`).ReplaceAllString(strings.ToLower(m[1]), "")
		all = append(all, strings.ReplaceAll(plain, " ", "-"))
	}
	return all
}

func TestEveryYAMLBlockInTheDocsParses(t *testing.T) {
	for _, p := range pages(t) {
		for _, block := range p.blocks("yaml") {
			loader, err := yaml.NewLoader(strings.NewReader(block))
			for err == nil {
				var any yaml.Node
				err = loader.Load(&any)
			}
			if err != io.EOF { //nolint:errorlint // the loader returns it bare
				t.Errorf("%s: %v in\n%s", p.file, err, block)
			}
		}
	}
}
