{{/*
All objects beside the app's own, those that the values ask for: one template of the app's chart.
*/}}
{{- define "refresh-sidecar.objects" -}}
{{- $values := (index .Subcharts "refresh-sidecar").Values -}}
{{- if $values.rights.create }}
{{- include "refresh-sidecar.rights" . }}
{{- end }}
{{- if $values.podMonitor.create }}
---
{{ include "refresh-sidecar.podMonitor" . }}
{{- end }}
{{- if $values.prometheusRule.create }}
---
{{ include "refresh-sidecar.prometheusRule" . }}
{{- end }}
{{- end }}

{{- define "refresh-sidecar.name" -}}
{{- default (printf "%s-refresh-sidecar" .Release.Name) (index .Subcharts "refresh-sidecar").Values.names.objects }}
{{- end }}

{{- define "refresh-sidecar.labels" -}}
app.kubernetes.io/name: refresh-sidecar
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/*
What the sidecar may do, in each namespace with targets.
*/}}
{{- define "refresh-sidecar.rights" -}}
{{- $root := . -}}
{{- $values := (index .Subcharts "refresh-sidecar").Values -}}
{{- range default (list .Release.Namespace) $values.rights.namespaces }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {{ include "refresh-sidecar.name" $root | quote }}
  namespace: {{ . | quote }}
  labels:
    {{- include "refresh-sidecar.labels" $root | nindent 4 }}
rules:
  - apiGroups: [""]
    resources: [secrets]
    verbs: [list, watch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ include "refresh-sidecar.name" $root | quote }}
  namespace: {{ . | quote }}
  labels:
    {{- include "refresh-sidecar.labels" $root | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {{ include "refresh-sidecar.name" $root | quote }}
subjects:
  - kind: ServiceAccount
    name: {{ required "refresh-sidecar.names.serviceAccount: name the service account of the app's pods" $values.names.serviceAccount | quote }}
    namespace: {{ $root.Release.Namespace | quote }}
{{- end }}
{{- end }}

{{- define "refresh-sidecar.podMonitor" -}}
{{- $values := (index .Subcharts "refresh-sidecar").Values -}}
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata:
  name: {{ include "refresh-sidecar.name" . | quote }}
  namespace: {{ .Release.Namespace | quote }}
  labels:
    {{- include "refresh-sidecar.labels" . | nindent 4 }}
    {{- with $values.podMonitor.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  selector:
    matchLabels:
      {{- toYaml $values.podMonitor.matchLabels | nindent 6 }}
  podMetricsEndpoints:
    - port: sidecar
      interval: {{ $values.podMonitor.interval }}
{{- end }}

{{- define "refresh-sidecar.prometheusRule" -}}
{{- $chart := index .Subcharts "refresh-sidecar" -}}
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: {{ include "refresh-sidecar.name" . | quote }}
  namespace: {{ .Release.Namespace | quote }}
  labels:
    {{- include "refresh-sidecar.labels" . | nindent 4 }}
    {{- with $chart.Values.prometheusRule.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  {{- $chart.Files.Get "prometheus-rules.yaml" | nindent 2 }}
{{- end }}
