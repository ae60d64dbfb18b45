{{/*
The sidecar, for the list of a pod's initContainers. Put it first: it starts before what comes after it. pod-example.yaml says why each of these
is as it is.
*/}}
{{- define "refresh-sidecar.initContainer" -}}
{{- $chart := index .Subcharts "refresh-sidecar" -}}
{{- $values := $chart.Values -}}
- name: {{ $values.names.container | quote }}
  image: {{ printf "%s:%s" $values.image.repository (default $chart.Chart.AppVersion $values.image.tag) | quote }}
  {{- with $values.image.pullPolicy }}
  imagePullPolicy: {{ . }}
  {{- end }}
  restartPolicy: Always
  {{- with $values.args }}
  args:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  env:
    - name: POD_NAME
      valueFrom:
        fieldRef:
          fieldPath: metadata.name
    - name: GOMEMLIMIT
      value: {{ $values.goMemLimit }}
  ports:
    - name: sidecar
      containerPort: 8095
  startupProbe:
    httpGet:
      path: /readyz
      port: sidecar
    periodSeconds: 1
    failureThreshold: 600
  livenessProbe:
    httpGet:
      path: /healthz
      port: sidecar
    periodSeconds: 10
    failureThreshold: 6
  resources:
    {{- toYaml $values.resources | nindent 4 }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    allowPrivilegeEscalation: false
    readOnlyRootFilesystem: true
    capabilities:
      drop: [ALL]
    seccompProfile:
      type: RuntimeDefault
  volumeMounts:
    - name: targets
      mountPath: /var/run/publishing-targets
    - name: api-access
      mountPath: /var/run/secrets/kubernetes.io/serviceaccount
      readOnly: true
{{- end }}
