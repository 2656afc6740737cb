package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"innius_exporter/internal/config"
)

// composeService is a service of docs/compose.yaml, as far as the tests need it.
type composeService struct {
	Image       string            `yaml:"image"`
	Build       string            `yaml:"build"`
	NetworkMode string            `yaml:"network_mode"`
	Ports       []string          `yaml:"ports"`
	Volumes     []string          `yaml:"volumes"`
	Environment map[string]string `yaml:"environment"`
}

func composeServices(t *testing.T) map[string]composeService {
	t.Helper()
	var file struct {
		Services map[string]composeService `yaml:"services"`
	}
	if err := yaml.Unmarshal([]byte(read(t, "docs/compose.yaml")), &file); err != nil || len(file.Services) != 5 {
		t.Fatal(err, file)
	}
	return file.Services
}

// Grafana in the demo needs no login, so only this machine may reach it.
func TestComposeListensOnLoopbackOnly(t *testing.T) {
	for name, s := range composeServices(t) {
		for _, port := range s.Ports {
			if !strings.HasPrefix(port, "127.0.0.1:") {
				t.Errorf("%s publishes %s", name, port)
			}
		}
		if len(s.Ports) == 0 && s.NetworkMode != "service:prometheus" {
			t.Errorf("%s is not in the network of prometheus", name)
		}
	}
}

func TestComposeMountsExistingFilesAndPinsImages(t *testing.T) {
	for name, s := range composeServices(t) {
		for _, volume := range s.Volumes {
			from, to, _ := strings.Cut(volume, ":")
			if volume == "exporter:/data" {
				continue // it belongs to the demo
			}
			if _, err := os.Stat(filepath.Join("docs", from)); err != nil || !strings.HasSuffix(to, ":ro") {
				t.Errorf("%s mounts %s: %v", name, volume, err)
			}
		}
		if _, tag, ok := strings.Cut(s.Image, ":"); s.Build == "" && (!ok || tag == "latest") {
			t.Errorf("%s has the image %q", name, s.Image)
		}
	}
}

// The exporter of the demo takes the config that is in the file, and polls the simulated API.
func TestComposeConfigLoads(t *testing.T) {
	noEnvironment(t)
	var file struct {
		Configs map[string]struct{ Content string }
	}
	if err := yaml.Unmarshal([]byte(read(t, "docs/compose.yaml")), &file); err != nil {
		t.Fatal(err)
	}
	t.Setenv("INNIUS_API_KEY", "simulated")
	dir := t.TempDir()
	write(t, dir, "config.yml", file.Configs["exporter"].Content)
	cfg, err := config.Source{File: filepath.Join(dir, "config.yml")}.Load(os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	if url := cfg.Accounts[0].URL.String(); url != "http://localhost:10467" {
		t.Errorf("the exporter polls %s", url)
	}
	if url := cfg.RemoteWrite[0].URL.String(); url != "http://localhost:9090/api/v1/write" {
		t.Errorf("the receiver is %s", url)
	}
}

// Three files name the path of the dashboards.
func TestComposeMountsDashboardsWhereGrafanaReadsThem(t *testing.T) {
	const path = "/var/lib/grafana/dashboards/innius"
	grafana := composeServices(t)["grafana"]
	provider := read(t, "grafana/provisioning/dashboards/innius.yml")
	if !strings.Contains(provider, "path: "+path) || !strings.Contains(strings.Join(grafana.Volumes, " "), "../grafana:"+path+":ro") {
		t.Errorf("%s is not both provisioned and mounted: %q", path, grafana.Volumes)
	}
	read(t, "grafana"+strings.TrimPrefix(grafana.Environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"], path))
}

func TestPackagesSetGOMEMLIMITTo90Percent(t *testing.T) {
	for file, limit := range map[string]string{
		"packaging/kubernetes/statefulset.yaml":     `limits:\s+memory: (\d+)Mi`,
		"packaging/systemd/innius_exporter.service": `MemoryMax=(\d+)M\n`,
		"docs/compose.yaml":                         `mem_limit: (\d+)m\n`,
	} {
		text := read(t, file)
		number := func(pattern string) int {
			match := regexp.MustCompile(pattern).FindStringSubmatch(text)
			if match == nil {
				t.Fatalf("%s: no %s", file, pattern)
			}
			n, _ := strconv.Atoi(match[1])
			return n
		}
		if hard, soft := number(limit), number(`GOMEMLIMIT[=:]?\s*(?:value: )?(\d+)MiB`); soft != hard*9/10 {
			t.Errorf("%s: GOMEMLIMIT is %d MiB of %d", file, soft, hard)
		}
	}
}
