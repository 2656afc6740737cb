{{- define "innius-exporter.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- /* At most 52 bytes: Kubernetes appends a hash to the name of a StatefulSet and allows 63 in all. */ -}}
{{- define "innius-exporter.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains (include "innius-exporter.name" .) .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "innius-exporter.name" .) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "innius-exporter.selector" -}}
app.kubernetes.io/name: {{ include "innius-exporter.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "innius-exporter.labels" -}}
{{ include "innius-exporter.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: exporter
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "innius-exporter.secret" -}}
{{- default (printf "%s-keys" (include "innius-exporter.fullname" .)) .Values.existingSecret -}}
{{- end -}}

{{- define "innius-exporter.config" -}}
{{ toYaml .Values.config }}
{{- end -}}

{{/* GOMEMLIMIT: 90 % of the memory limit, where it is in Mi or Gi. */}}
{{- define "innius-exporter.gomemlimit" -}}
{{- $limit := dig "limits" "memory" "" (default dict .Values.resources) | toString -}}
{{- if regexMatch "^[0-9.]+[MG]i$" $limit -}}
{{- mulf (regexFind "^[0-9.]+" $limit | float64) (ternary 921.6 0.9 (hasSuffix "Gi" $limit)) | int }}MiB
{{- end -}}
{{- end -}}

{{/* What a probe does: the kubelet requests a page, or the exporter itself does with credentials. */}}
{{- define "innius-exporter.probe" -}}
{{- $page := index . 1 -}}
{{- with (index . 0).Values.web -}}
{{- $scheme := ternary "https" "http" .tls -}}
{{- if .probeConfig -}}
exec:
  command:
    - /innius_exporter
    - check
    - health
    - --url={{ $scheme }}://localhost:10466/-/{{ $page }}
    - --http.config.file=/etc/innius_exporter/web/{{ .probeConfig }}
{{- else -}}
httpGet: {path: /-/{{ $page }}, port: http{{ if .tls }}, scheme: HTTPS{{ end }}}
{{- end -}}
{{- end -}}
{{- end -}}
