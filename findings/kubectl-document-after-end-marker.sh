#!/bin/sh
# kubectl loses a document that follows the end marker "...", without a word.
#
# Versions: k8s.io/cli-runtime and k8s.io/apimachinery v0.37.2, with which kubectl 1.37.2 reads files. Seen on 2026-11-27.
# Expected: YAML 1.2.2 (section 9.2) lets a bare document follow "...", so this file has two Secrets.
# Seen:     one Secret and no error. apimachinery cuts a file only before "---", and the converter decodes the first document of a piece.
# Exits with 0 while that is so, and with 1 when it has changed.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >file.yaml <<'YAML'
apiVersion: v1
kind: Secret
metadata: {name: first}
...
apiVersion: v1
kind: Secret
metadata: {name: second}
YAML
cat >main.go <<'GO'
package main

import (
	"fmt"

	"k8s.io/cli-runtime/pkg/resource"
)

func main() {
	infos, err := resource.NewLocalBuilder().Unstructured().FilenameParam(false, &resource.FilenameOptions{Filenames: []string{"file.yaml"}}).Flatten().Do().Infos()
	for _, info := range infos {
		fmt.Print(info.Name, " ")
	}
	fmt.Println("error:", err)
}
GO
go mod init finding >log 2>&1
{ go get k8s.io/cli-runtime@v0.37.2 && go mod tidy; } >>log 2>&1 || { cat log; exit 2; }
seen=$(go run .)
echo "seen: $seen"
[ "$seen" = "first error: <nil>" ]
