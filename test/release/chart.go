package release

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"

	"github.com/alert-history/refresh-sidecar/test/internal/bundle"
)

// semantic is how a version begins that Helm takes for one.
var semantic = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+(-|$)`)

// chartVersion is the version of the chart. Without a tag in its history a commit has none that Helm would take.
func (c Checkout) chartVersion() string {
	if semantic.MatchString(c.Version) {
		return c.Version
	}
	return "0.0.0-g" + c.Version
}

// chart returns the files of the Helm chart, as `helm package` with the release's version would pack them. Helm itself takes over the
// times of the checkout's files, and those differ between checkouts.
func (c Checkout) chart() (files []bundle.File, err error) {
	dir := os.DirFS(filepath.Join(c.Dir, "deploy/helm", program))
	err = fs.WalkDir(dir, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(dir, name) // of a symbolic link: what it leads to
		if err == nil && name == "Chart.yaml" {
			content, err = c.withVersions(content)
		}
		files = append(files, bundle.File{Name: path.Join(program, name), Mode: 0o644, Content: content})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("packing the chart: %w", err)
	}
	paper, err := c.file("LICENSE")
	paper.Name = path.Join(program, paper.Name)
	return append(files, paper), err
}

// withVersions returns a Chart.yaml with the versions of the release.
func (c Checkout) withVersions(chart []byte) ([]byte, error) {
	for field, version := range map[string]string{"version": c.chartVersion(), "appVersion": c.Version} {
		line := regexp.MustCompile(`(?m)^` + field + `: .*$`)
		if len(line.FindAll(chart, -1)) != 1 {
			return nil, fmt.Errorf("no line %s in Chart.yaml, or more than one", field)
		}
		chart = line.ReplaceAllLiteral(chart, []byte(fmt.Sprintf("%s: %q", field, version)))
	}
	return chart, nil
}
