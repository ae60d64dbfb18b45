package release_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/alert-history/refresh-sidecar/test/deploy"
	"github.com/alert-history/refresh-sidecar/test/internal/bundle"
)

func TestHelmMakesTheSameOfTheReleasedChart(t *testing.T) {
	const name = "refresh-sidecar-1.2.3.tgz"
	released(t)
	charts := deploy.Charts(t)
	example := filepath.Join(charts, "example")
	want := deploy.Helm(t, "template", "history", example)

	// The example with the released chart in the place of the directory.
	for _, old := range []string{"Chart.lock", "charts"} {
		if err := os.RemoveAll(filepath.Join(example, old)); err != nil {
			t.Fatal(err)
		}
	}
	chart := filepath.Join(example, "Chart.yaml")
	text, err := os.ReadFile(chart) // #nosec G304 -- a copy of this repository's
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(chart, []byte(strings.ReplaceAll(string(text), "    version: 1.0.0", "    version: "+version)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(example, "charts"), 0o700); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(released(t), name))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(example, "charts", name), content, 0o600); err != nil {
		t.Fatal(err)
	}
	want = strings.ReplaceAll(want, "alert-history/refresh-sidecar:1.0.0", "alert-history/refresh-sidecar:"+version)
	if diff := cmp.Diff(want, deploy.Helm(t, "template", "history", example)); diff != "" {
		t.Errorf("(-directory +released):\n%s", diff)
	}
	if !strings.Contains(want, "alert-history/refresh-sidecar:"+version) {
		t.Errorf("the image of the release is not in:\n%s", want)
	}
}

func TestTheReleasedChartStandsAlone(t *testing.T) {
	files := map[string]bundle.File{}
	for _, file := range unpack(t, "refresh-sidecar-1.2.3.tgz") {
		files[file.Name] = file
	}
	for name, want := range map[string][]byte{
		"refresh-sidecar/LICENSE":               read(t, "LICENSE"),
		"refresh-sidecar/prometheus-rules.yaml": read(t, "deploy/prometheus-rules.yaml"), // a link, in the repository
		"refresh-sidecar/values.yaml":           read(t, "deploy/helm/refresh-sidecar/values.yaml"),
	} {
		if diff := cmp.Diff(string(want), string(files[name].Content)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
