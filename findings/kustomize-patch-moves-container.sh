#!/bin/sh
# A kustomize patch of one container makes it the pod's first.
#
# Version:  sigs.k8s.io/kustomize/kustomize/v5 v5.8.1. Seen on 2026-11-27.
# Expected: a strategic merge patch that gives the second container a mount leaves the order of the containers alone, as kubectl patch does.
# Seen:     the patched container is now the first, so that kubectl logs and kubectl exec, without --container, mean another one than before,
#           and the kubelet starts them in another order.
# Exits with 0 while that is so, and with 1 when it has changed.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >deployment.yaml <<'YAML'
apiVersion: apps/v1
kind: Deployment
metadata: {name: app}
spec:
  selector: {matchLabels: {of: app}}
  template:
    metadata: {labels: {of: app}}
    spec:
      containers:
        - {name: first, image: "first:1"}
        - {name: second, image: "second:1"}
      volumes: [{name: data, emptyDir: {}}]
YAML
cat >kustomization.yaml <<'YAML'
resources: [deployment.yaml]
patches:
  - patch: |
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: app}
      spec: {template: {spec: {containers: [{name: second, volumeMounts: [{name: data, mountPath: /data}]}]}}}
YAML
go run sigs.k8s.io/kustomize/kustomize/v5@v5.8.1 build . >built 2>log || { cat log; exit 2; }
seen=$(sed -n 's/^ *- image: //p; s/^ *image: //p' built | tr '\n' ' ')
echo "seen: $seen"
[ "$seen" = "second:1 first:1 " ]
