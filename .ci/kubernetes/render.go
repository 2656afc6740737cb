package main

import (
	"fmt"
	"os"
	"path"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/chart/v2/lint/support"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	"sigs.k8s.io/yaml"
)

// lintChart is `helm lint --strict`.
func lintChart(dir string) error {
	for _, message := range lint.RunAll(dir, nil, "default").Messages {
		if message.Severity >= support.WarningSev {
			return message
		}
	}
	return nil
}

// render is `helm template innius-exporter --values FILE`: the rendered files by name. The values are held against the
// chart's schema.
func render(dir, valuesFile string) (map[string]string, error) {
	chart, err := loader.Load(dir)
	if err != nil {
		return nil, err
	}
	values := map[string]any{}
	if valuesFile != "" {
		text, err := os.ReadFile(valuesFile)
		if err != nil {
			return nil, err
		}
		if err := yaml.UnmarshalStrict(text, &values); err != nil {
			return nil, err
		}
	}
	release := common.ReleaseOptions{Name: "innius-exporter", Namespace: "default", Revision: 1, IsInstall: true}
	all, err := util.ToRenderValues(chart, values, release, common.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	rendered, err := engine.Engine{Strict: true}.Render(chart, all)
	if err != nil {
		return nil, err
	}
	files := map[string]string{}
	for name, text := range rendered {
		if strings.HasSuffix(name, ".yaml") && strings.TrimSpace(text) != "" {
			files[path.Base(name)] = strings.TrimSpace(text) + "\n"
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("nothing is rendered")
	}
	return files, nil
}
