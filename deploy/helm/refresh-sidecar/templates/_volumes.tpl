{{/*
For the list of a pod's volumes.
*/}}
{{- define "refresh-sidecar.volumes" -}}
{{- $values := (index .Subcharts "refresh-sidecar").Values -}}
- name: targets
  emptyDir:
    medium: Memory
    sizeLimit: {{ $values.volumeSizeLimit }}
- name: api-access
  projected:
    sources:
      - serviceAccountToken:
          path: token
          expirationSeconds: 3607
      - configMap:
          name: kube-root-ca.crt
          items:
            - key: ca.crt
              path: ca.crt
      - downwardAPI:
          items:
            - path: namespace
              fieldRef:
                fieldPath: metadata.namespace
{{- end }}

{{/*
For the list of volumeMounts of the app's container.
*/}}
{{- define "refresh-sidecar.volumeMount" -}}
- name: targets
  mountPath: /var/run/publishing-targets
  readOnly: true
{{- end }}
