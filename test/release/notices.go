package release

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// noticesFile is the file of the repository with the notices. It is committed, so that the Dockerfile needs no tool to have it.
const noticesFile = "THIRD_PARTY_NOTICES.txt"

const noticesHead = `Third-party software in refresh-sidecar

The program refresh-sidecar consists of the code of its repository, which is under the licence in LICENSE, and of parts of the Go modules
below, unchanged, each under licences of its own. The source code of a module is what "go mod download MODULE@VERSION" fetches; that of
stdlib, the standard library, comes with Go.

This file is written by "make notices".

`

// Notices returns the licences and notices of what is linked into the program on any of the platforms. A module of this repository is none
// of them. Equal texts stand once.
func Notices(ctx context.Context, dir string, platforms []v1.Platform) (string, error) {
	var packages []goPackage
	for _, platform := range platforms {
		list, err := linked(ctx, dir, platform)
		if err != nil {
			return "", err
		}
		packages = append(packages, list...)
	}
	list, err := modules(packages)
	if err != nil {
		return "", fmt.Errorf("reading the licences of what is linked:\n%w", err)
	}
	return notices(list)
}

func notices(list []Module) (string, error) {
	var out strings.Builder
	out.WriteString(noticesHead)
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	var texts []string // in the order of their first modules
	holders := map[string][]string{}
	for _, m := range list {
		if isOurs(m.Path) {
			continue
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\n", m.Path, m.Version, strings.Join(m.Licences(), ", "))
		for _, paper := range m.Papers {
			text := strings.TrimSpace(paper.Text)
			if holders[text] == nil {
				texts = append(texts, text)
			}
			holders[text] = append(holders[text], strings.TrimSpace(m.Path+" "+m.Version)+": "+paper.Name)
		}
	}
	if err := table.Flush(); err != nil {
		return "", err
	}
	for _, text := range texts {
		_, _ = fmt.Fprintf(&out, "\n%s\n%s\n\n%s\n", strings.Repeat("=", 80), strings.Join(holders[text], "\n"), text)
	}
	return out.String(), nil
}

// WriteNotices writes the file of the repository with the notices.
func WriteNotices(ctx context.Context, dir string, platforms []v1.Platform) error {
	text, err := Notices(ctx, dir, platforms)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, noticesFile), []byte(text), 0o644) // #nosec G306 -- a file of the repository
}
