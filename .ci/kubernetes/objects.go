package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

// objects are what one rendering makes; nil where it does not.
type objects struct {
	statefulSet    *apps.StatefulSet
	service        *core.Service
	configMap      *core.ConfigMap
	secret         *core.Secret
	networkPolicy  *networking.NetworkPolicy
	serviceMonitor *monitoring.ServiceMonitor
	rule           *monitoring.PrometheusRule
	dashboards     *core.ConfigMap
}

// decodeAll decodes each file into the type of its kind, in which every field must exist and hold what it is made for.
func decodeAll(files map[string]string) (*objects, error) {
	o := &objects{}
	for name, text := range files {
		if err := o.decode(name, []byte(text)); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if o.statefulSet == nil || o.service == nil || o.configMap == nil {
		return nil, errors.New("no StatefulSet, Service or ConfigMap")
	}
	return o, nil
}

func (o *objects) decode(name string, text []byte) error {
	var kind meta.TypeMeta
	if err := yaml.Unmarshal(text, &kind); err != nil {
		return err
	}
	switch kind.GroupVersionKind().String() {
	case "apps/v1, Kind=StatefulSet":
		return decodeInto(text, &o.statefulSet)
	case "/v1, Kind=Service":
		return decodeInto(text, &o.service)
	case "/v1, Kind=ConfigMap":
		if strings.HasSuffix(name, "dashboards.yaml") {
			return decodeInto(text, &o.dashboards)
		}
		return decodeInto(text, &o.configMap)
	case "/v1, Kind=Secret":
		return decodeInto(text, &o.secret)
	case "networking.k8s.io/v1, Kind=NetworkPolicy":
		return decodeInto(text, &o.networkPolicy)
	case "monitoring.coreos.com/v1, Kind=ServiceMonitor":
		return decodeInto(text, &o.serviceMonitor)
	case "monitoring.coreos.com/v1, Kind=PrometheusRule":
		return decodeInto(text, &o.rule)
	}
	return fmt.Errorf("%s is of an unexpected kind", kind.GroupVersionKind())
}

func decodeInto[T any](text []byte, object **T) error {
	*object = new(T)
	return yaml.UnmarshalStrict(text, *object)
}

// check holds the objects against each other, which their types cannot.
func (o *objects) check() error {
	pod := o.statefulSet.Spec.Template
	if n := o.statefulSet.Spec.Replicas; n == nil || *n != 1 {
		return errors.New("the StatefulSet has not exactly one replica")
	}
	if o.statefulSet.Spec.ServiceName != o.service.Name {
		return errors.New("the StatefulSet names another service")
	}
	return errors.Join(
		selects("StatefulSet", o.statefulSet.Spec.Selector, pod.Labels),
		selects("Service", &meta.LabelSelector{MatchLabels: o.service.Spec.Selector}, pod.Labels),
		o.checkPolicy(), o.checkMonitor(), o.checkRule(), o.checkDashboards(), o.checkVolumes(),
		checkPorts(pod.Spec.Containers[0]), restricted(&pod))
}

func selects(what string, selector *meta.LabelSelector, of map[string]string) error {
	s, err := meta.LabelSelectorAsSelector(selector)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if s.Empty() || !s.Matches(labels.Set(of)) {
		return fmt.Errorf("%s: its selector %q does not select %v", what, s, of)
	}
	return nil
}

func (o *objects) checkPolicy() error {
	if o.networkPolicy == nil {
		return nil
	}
	return selects("NetworkPolicy", &o.networkPolicy.Spec.PodSelector, o.statefulSet.Spec.Template.Labels)
}

func (o *objects) checkMonitor() error {
	if o.serviceMonitor == nil {
		return nil
	}
	if port := o.serviceMonitor.Spec.Endpoints[0].Port; port != o.service.Spec.Ports[0].Name {
		return fmt.Errorf("ServiceMonitor: the service has no port %q", port)
	}
	return selects("ServiceMonitor", &o.serviceMonitor.Spec.Selector, o.service.Labels)
}

// checkRule checks that the alert about the exporter has the job of its ServiceMonitor, and that the runbook has one address.
func (o *objects) checkRule() error {
	if o.rule == nil {
		return nil
	}
	texts := map[string]bool{}
	for _, g := range o.rule.Spec.Groups {
		for _, r := range g.Rules {
			texts[r.Expr.StrVal] = true
			if r.Record == "innius:runbook:info" {
				texts[r.Labels["url"]] = true
			}
		}
	}
	up := fmt.Sprintf("up{job=~%q}", o.service.Name)
	for _, want := range []string{up + " == 0 or absent(" + up + ")", "https://wiki.example.com/innius/runbook.md"} {
		if !texts[want] {
			return fmt.Errorf("PrometheusRule: it lacks %q", want)
		}
	}
	return nil
}

// checkDashboards checks that each dashboard is JSON, and that the sidecar finds the object.
func (o *objects) checkDashboards() error {
	if o.dashboards == nil {
		return nil
	}
	if n := len(o.dashboards.Data); n < 3 || o.dashboards.Labels["grafana_dashboard"] != "1" {
		return fmt.Errorf("%d dashboards, with the labels %v", n, o.dashboards.Labels)
	}
	for name, text := range o.dashboards.Data {
		if !json.Valid([]byte(text)) {
			return fmt.Errorf("the dashboard %s is not JSON", name)
		}
	}
	return nil
}

// checkVolumes finds what is mounted and does not exist, what exists and is not mounted, and a key that would never change.
func (o *objects) checkVolumes() error {
	there := map[string]bool{}
	for _, v := range o.statefulSet.Spec.Template.Spec.Volumes {
		there[v.Name] = true
		if v.Name == "keys" && o.secret != nil && v.Secret.SecretName != o.secret.Name {
			return fmt.Errorf("the pod mounts the secret %q instead of %q", v.Secret.SecretName, o.secret.Name)
		}
		if v.Name == "config" && v.ConfigMap.Name != o.configMap.Name {
			return fmt.Errorf("the pod mounts the config map %q instead of %q", v.ConfigMap.Name, o.configMap.Name)
		}
	}
	for _, c := range o.statefulSet.Spec.VolumeClaimTemplates {
		there[c.Name] = true
	}
	for _, m := range o.statefulSet.Spec.Template.Spec.Containers[0].VolumeMounts {
		if !there[m.Name] || m.SubPath != "" {
			return fmt.Errorf("the volume %q does not exist, or is mounted by subPath", m.Name)
		}
		delete(there, m.Name)
	}
	if len(there) > 0 {
		return fmt.Errorf("volumes that are not mounted: %v", there)
	}
	return nil
}

func checkPorts(c core.Container) error {
	for _, probe := range []*core.Probe{c.ReadinessProbe, c.LivenessProbe} {
		if probe == nil || probe.Exec == nil && probe.HTTPGet.Port.StrVal != c.Ports[0].Name {
			return errors.New("a probe is missing, or uses a port that the container does not have")
		}
	}
	return nil
}

// restricted checks what a namespace with pod-security.kubernetes.io/enforce=restricted would: may this pod run?
func restricted(pod *core.PodTemplateSpec) error {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		return err
	}
	level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	for _, result := range evaluator.EvaluatePod(level, &pod.ObjectMeta, &pod.Spec) {
		if !result.Allowed {
			err = errors.Join(err, fmt.Errorf("pod security: %s: %s", result.ForbiddenReason, result.ForbiddenDetail))
		}
	}
	return err
}
