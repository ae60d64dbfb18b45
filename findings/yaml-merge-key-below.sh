#!/bin/sh
# A merge key that stands below a key replaces its value, in Kubernetes' YAML alone.
#
# Versions: sigs.k8s.io/yaml v1.6.0 (what kubectl and most controllers read manifests with) and go.yaml.in/yaml/v3 v3.0.4. Seen on 2026-11-27.
# Expected: a key of the mapping itself goes before one that is merged in, wherever "<<" stands (yaml.org/type/merge.html).
# Seen:     sigs.k8s.io/yaml takes the merged value if "<<" stands below the key, its own value if above; yaml/v3 takes its own value in both.
# Exits with 0 while that is so, and with 1 when it has changed.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"fmt"

	yaml3 "go.yaml.in/yaml/v3"
	"sigs.k8s.io/yaml"
)

func main() {
	for _, text := range []string{
		"base: &b {url: merged}\ntarget: {url: own, <<: *b}\n",
		"base: &b {url: merged}\ntarget: {<<: *b, url: own}\n",
	} {
		var kube, plain struct {
			Target struct{ URL string `json:"url" yaml:"url"` } `json:"target" yaml:"target"`
		}
		if err := yaml.Unmarshal([]byte(text), &kube); err != nil {
			panic(err)
		}
		if err := yaml3.Unmarshal([]byte(text), &plain); err != nil {
			panic(err)
		}
		fmt.Print(kube.Target.URL, "/", plain.Target.URL, " ")
	}
	fmt.Println()
}
GO
go mod init finding >log 2>&1
{ go get sigs.k8s.io/yaml@v1.6.0 go.yaml.in/yaml/v3@v3.0.4 && go mod tidy; } >>log 2>&1 || { cat log; exit 2; }
seen=$(go run .)
echo "seen: $seen"
[ "$seen" = "merged/own own/own " ]
