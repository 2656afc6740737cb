package docs_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// composeService is what is looked at of a service in docs/compose.yaml.
type composeService struct {
	Image       string            `yaml:"image"`
	Build       string            `yaml:"build"`
	NetworkMode string            `yaml:"network_mode"`
	Ports       []string          `yaml:"ports"`
	Volumes     []string          `yaml:"volumes"`
	Environment map[string]string `yaml:"environment"`
	Command     []string          `yaml:"command"`
}

func composeServices(t *testing.T) map[string]composeService {
	t.Helper()
	text, err := os.ReadFile("docs/compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Services map[string]composeService `yaml:"services"`
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	return file.Services
}

// The demo's Grafana needs no login: nobody but this machine may reach it.
func TestTheComposeFileListensOnLoopbackOnly(t *testing.T) {
	published := 0
	for name, s := range composeServices(t) {
		for _, port := range s.Ports {
			published++
			if !strings.HasPrefix(port, "127.0.0.1:") {
				t.Errorf("%s publishes %s", name, port)
			}
		}
		if len(s.Ports) == 0 && s.NetworkMode != "service:prometheus" {
			t.Errorf("%s does not share the network in which localhost is all of them", name)
		}
	}
	if published != 4 {
		t.Errorf("%d ports, want 4", published)
	}
}

func TestTheComposeFileMountsWhatIsThereReadOnlyAndPinsImages(t *testing.T) {
	for name, s := range composeServices(t) {
		for _, volume := range s.Volumes {
			from, to, _ := strings.Cut(volume, ":")
			if _, err := os.Stat(filepath.Join("docs", from)); err != nil || !strings.HasSuffix(to, ":ro") {
				t.Errorf("%s mounts %s: %v", name, volume, err)
			}
		}
		if _, tag, ok := strings.Cut(s.Image, ":"); s.Build == "" && (!ok || tag == "latest") {
			t.Errorf("%s has the image %q", name, s.Image)
		}
	}
}

// Where Grafana looks is said in three files.
func TestTheComposeFileGivesGrafanaTheDashboardsWhereItLooks(t *testing.T) {
	grafana := composeServices(t)["grafana"]
	provider, err := os.ReadFile("grafana/provisioning/dashboards/innius.yml")
	if err != nil {
		t.Fatal(err)
	}
	const path = "/var/lib/grafana/dashboards/innius"
	if !strings.Contains(string(provider), "path: "+path) || !strings.Contains(strings.Join(grafana.Volumes, " "), "../grafana:"+path+":ro") {
		t.Errorf("%s is not both provisioned and mounted: %q", path, grafana.Volumes)
	}
	home := strings.TrimPrefix(grafana.Environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"], path)
	if _, err := os.Stat("grafana" + home); err != nil {
		t.Error(err)
	}
}
