package grafana

import (
	"os"
	"testing"

	"go.yaml.in/yaml/v4"
)

func loadYAML(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatal(file, err)
	}
}

func TestProvisioningFilesHaveTheFormatOfGrafana(t *testing.T) {
	var dashboards struct {
		Version   int `yaml:"apiVersion"`
		Providers []struct {
			Name, Type string
			Options    struct{ Path string }
		}
	}
	loadYAML(t, "provisioning/dashboards/innius.yml", &dashboards)
	if p := dashboards.Providers; dashboards.Version != 1 || len(p) != 1 || p[0].Type != "file" || p[0].Options.Path == "" {
		t.Errorf("%+v", dashboards)
	}
	var sources struct {
		Version     int `yaml:"apiVersion"`
		Datasources []struct {
			Type, Access, URL string
		}
	}
	loadYAML(t, "provisioning/datasources/innius.yml", &sources)
	if s := sources.Datasources; sources.Version != 1 || len(s) != 1 || s[0].Type != source["type"] || s[0].URL == "" {
		t.Errorf("%+v", sources)
	}
}
