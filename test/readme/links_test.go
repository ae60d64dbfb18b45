package readme_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// pages returns the paths of all documents for people.
func pages(t *testing.T) (all []string) {
	t.Helper()
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md", "deploy/*.md", "pkg/*/*.md"} {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, paths...)
	}
	return all
}

// anchors returns the names by which GitHub links to the headings of a page.
func anchors(text string) map[string]bool {
	names := make(map[string]bool)
	fenced := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
		}
		if level, heading, ok := strings.Cut(strings.TrimSpace(line), " "); ok && !fenced && strings.Trim(level, "#") == "" {
			name := regexp.MustCompile(`[^\p{L}\p{N}_\- ]`).ReplaceAllString(strings.ToLower(heading), "")
			names[strings.ReplaceAll(name, " ", "-")] = true
		}
	}
	return names
}

// Every link within the repository leads somewhere, and to a heading if it names one.
func TestLinksLeadSomewhere(t *testing.T) {
	links := 0
	for _, page := range pages(t) {
		text, err := os.ReadFile(page) // #nosec G304 -- a path of this repository
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(`\]\(([^)\s]+)\)`).FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(match[1], "://") {
				continue
			}
			links++
			path, anchor, _ := strings.Cut(match[1], "#")
			target := page
			if path != "" {
				target = filepath.Join(filepath.Dir(page), path)
			}
			expectHeading(t, page, target, anchor)
		}
	}
	if links < 100 {
		t.Errorf("got %d links", links)
	}
}

// expectHeading expects the target of a link to be there, with the heading if the link names one.
func expectHeading(t *testing.T, page, target, anchor string) {
	t.Helper()
	if info, err := os.Stat(target); err != nil {
		t.Errorf("%s: %v", page, err)
	} else if anchor != "" && !info.IsDir() {
		linked, err := os.ReadFile(target) // #nosec G304 -- a path of this repository
		if err != nil || !anchors(string(linked))[anchor] {
			t.Errorf("%s: %s has no heading #%s", page, target, anchor)
		}
	}
}

// Every address of a document that the alerts and the dashboard hand out leads somewhere.
func TestAddressesOfDocumentsLeadSomewhere(t *testing.T) {
	for _, file := range []string{"deploy/prometheus-rules.yaml", "deploy/grafana-dashboard.json"} {
		addresses := regexp.MustCompile(`github\.com/alert-history/refresh-sidecar([^\s"]*)`).FindAllStringSubmatch(read(t, file), -1)
		if len(addresses) == 0 {
			t.Errorf("%s has no address", file)
		}
		for _, address := range addresses {
			path, ok := strings.CutPrefix(address[1], "/blob/main/")
			if !ok {
				t.Errorf("%s: %s is no document", file, address[0])
			}
			path, anchor, _ := strings.Cut(path, "#")
			expectHeading(t, file, filepath.Join(root, path), anchor)
		}
	}
}

// The contents list has every chapter.
func TestContentsAreComplete(t *testing.T) {
	contents := chapter(t, "README.md", "## Contents")
	for _, match := range regexp.MustCompile(`(?m)^## (.+)$`).FindAllStringSubmatch(read(t, "README.md"), -1) {
		if match[1] != "Contents" && !strings.Contains(contents, "- ["+match[1]+"](#") {
			t.Errorf("%s is missing in the contents", match[1])
		}
	}
}

// Every target of make that a document names is there.
func TestTargetsOfMakeExist(t *testing.T) {
	makefile := read(t, "Makefile")
	for _, page := range pages(t) {
		text, err := os.ReadFile(page) // #nosec G304 -- a path of this repository
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile("`make ([a-z0-9-]+)").FindAllStringSubmatch(string(text), -1) {
			if !strings.Contains(makefile, "\n"+match[1]+":") {
				t.Errorf("%s: make %s is not in the Makefile", page, match[1])
			}
		}
	}
}
