#!/usr/bin/env bash
# Prints the statement coverage of internal/ and pkg/, the tests on a real API server and the runs of the real program counted.
set -euo pipefail
cd "$(dirname "$0")/.."
packages=./internal/...,github.com/alert-history/refresh-sidecar/pkg/...
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/root" "$dir/reader" "$dir/program"
go test -cover -covermode=atomic -coverpkg="$packages" ./... -args -test.gocoverdir="$dir/root" >/dev/null
for module in pkg/targetsfile pkg/targetsfile/prom; do
	(cd "$module" && go test -cover -covermode=atomic -coverpkg=github.com/alert-history/refresh-sidecar/pkg/... ./... -args -test.gocoverdir="$dir/reader" >/dev/null)
done
(cd test && GOCOVERDIR="$dir/program" go test -timeout 20m ./sidecar/... >/dev/null)
go tool covdata textfmt -i="$dir/root,$dir/reader,$dir/program" -o "$dir/all"
go tool cover -func="$dir/all" | tail -n 1
