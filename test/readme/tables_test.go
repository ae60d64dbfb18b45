package readme_test

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"sigs.k8s.io/yaml"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile/prom"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile/targetsfiletest"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

func startOnExamples(t *testing.T, more ...string) *sidecar.Process {
	t.Helper()
	args := append([]string{"--manifests", filepath.Join(root, "deploy/examples")}, more...)
	p := sidecar.Start(t, filepath.Join(t.TempDir(), "targets.json"), args...)
	p.Until("is ready", func() error {
		if code, body := p.Do(http.MethodGet, "/readyz"); code != http.StatusOK {
			return errors.New(body)
		}
		return nil
	})
	return p
}

// labels returns the names of a family's labels, and of each the values that it has.
func labels(family *dto.MetricFamily) map[string][]string {
	values := make(map[string][]string)
	for _, metric := range family.GetMetric() {
		for _, label := range metric.GetLabel() {
			values[label.GetName()] = append(values[label.GetName()], label.GetValue())
		}
	}
	return values
}

// The tables of metrics are what the program and the reader export: names, types, labels, and the values of those that are few.
func TestTablesOfMetrics(t *testing.T) {
	tokens := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(tokens, []byte("t0ken\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, page := startOnExamples(t, "--auth", "token", "--auth-token-file", tokens).Do(http.MethodGet, "/metrics")
	scraped := expfmt.NewTextParser(model.LegacyValidation)
	families, err := scraped.TextToMetricFamilies(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(prom.NewCollector(targetsfiletest.NewReader(t)))
	gathered, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range gathered {
		families[family.GetName()] = family
	}
	want := make(map[string]string)
	for name, family := range families {
		if strings.HasPrefix(name, "go_") || strings.HasPrefix(name, "process_") {
			continue
		}
		names := slices.Sorted(maps.Keys(labels(family)))
		want["`"+name+"`"] = strings.ToLower(family.GetType().String()) + " " + strings.Join(names, " ")
	}
	got := make(map[string]string)
	for _, row := range rows(chapter(t, "README.md", "## Metrics")) {
		if row[0] == "metric" {
			continue
		}
		names := regexp.MustCompile(`\w+`).FindAllString(row[2], -1)
		slices.Sort(names)
		got[row[0]] = row[1] + " " + strings.Join(names, " ")
		for label, values := range labels(families[strings.Trim(row[0], "`")]) {
			for _, value := range values {
				few := !slices.Contains([]string{"path", "method", "code", "version", "enabled"}, label) && row[0] != "`publishing_targets`"
				if few && !strings.Contains(row[3], "`"+value+"`") {
					t.Errorf("%s{%s=%q} is not in its row", row[0], label, value)
				}
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the tables (-exported +README.md):\n%s", diff)
	}
}

// Every code of an error is in the table.
func TestTableOfErrors(t *testing.T) {
	constants := regexp.MustCompile(`errorCode = "(\w+)"`).FindAllStringSubmatch(read(t, "internal/api/exchange.go"), -1)
	if len(constants) < 10 {
		t.Fatalf("got %d codes", len(constants))
	}
	table := chapter(t, "docs/http.md", "## Errors")
	for _, c := range constants {
		if c[1] != "client_gone" && !strings.Contains(table, "`"+c[1]+"`") { // seen in the audit log only
			t.Errorf("%s is not in the table", c[1])
		}
	}
}

// Every field of the status is in its table.
func TestTableOfTheStatus(t *testing.T) {
	_, body := startOnExamples(t).Do(http.MethodGet, "/api/v2/publishing/targets/status")
	var status map[string]json.RawMessage
	if err := json.Unmarshal([]byte(body), &status); err != nil {
		t.Fatal(err)
	}
	table := chapter(t, "README.md", "### Fields of the status")
	for field, value := range status {
		if !strings.Contains(table, "`"+field+"`") {
			t.Errorf("%s is not in the table", field)
		}
		var inner map[string]json.RawMessage
		if json.Unmarshal(value, &inner) == nil {
			for name := range inner {
				if !strings.Contains(table, "`"+name+"`") {
					t.Errorf("%s.%s is not in the table", field, name)
				}
			}
		}
	}
}

// Every field of the snapshot's schema is in a table.
func TestTablesOfTheSnapshot(t *testing.T) {
	var schema any
	if err := json.Unmarshal([]byte(read(t, "pkg/targetsfile/schema/snapshot.schema.json")), &schema); err != nil {
		t.Fatal(err)
	}
	text := chapter(t, "README.md", "## The snapshot")
	found := 0
	var look func(any)
	look = func(node any) {
		object, ok := node.(map[string]any)
		if !ok {
			return
		}
		for key, value := range object {
			if properties, ok := value.(map[string]any); ok && key == "properties" {
				for name := range properties {
					found++
					if !strings.Contains(text, "`"+name+"`") {
						t.Errorf("%s is in no table", name)
					}
				}
			}
			look(value)
		}
	}
	look(schema)
	if found < 20 {
		t.Errorf("got %d fields", found)
	}
}

// The table of sizes is the one that the tests on a real kubelet measure.
func TestTableOfSizes(t *testing.T) {
	_, measured, found := strings.Cut(read(t, "deploy/README.md"), "\n## How much memory\n")
	if !found {
		t.Fatal("deploy/README.md has no table of sizes")
	}
	measured, _, _ = strings.Cut(measured, "\n## ")
	want := rows(measured)
	if len(want) < 4 {
		t.Fatalf("got %d sizes", len(want))
	}
	if diff := cmp.Diff(want, rows(chapter(t, "README.md", "## Sizing"))); diff != "" {
		t.Errorf("(-deploy/README.md +README.md):\n%s", diff)
	}
}

// The table of alerts is the rule file's.
func TestTableOfAlerts(t *testing.T) {
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert  string
				For    string
				Labels map[string]string
			}
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, "deploy/prometheus-rules.yaml")), &file); err != nil {
		t.Fatal(err)
	}
	want := make(map[string]string)
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			want["["+rule.Alert+"](docs/runbooks.md#"+strings.ToLower(rule.Alert)+")"] = rule.Labels["severity"] + " " + rule.For
		}
	}
	got := make(map[string]string)
	for _, row := range rows(chapter(t, "README.md", "## Alerts and runbooks")) {
		if strings.HasPrefix(row[0], "[Publishing") {
			got[row[0]] = row[1] + " " + row[2]
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-deploy/prometheus-rules.yaml +README.md):\n%s", diff)
	}
}
