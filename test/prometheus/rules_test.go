// Package prometheus_test holds the alerts and the dashboard of deploy/ to what they are for: with promtool, and with a real Prometheus
// that scrapes real sidecars and apps while things break.
package prometheus_test

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/controlplane/binaries"
)

const (
	rulesFile    = "../../deploy/prometheus-rules.yaml"
	operatorFile = "../../deploy/prometheus-operator/prometheus-rule.yaml"
	runbooksFile = "../../docs/runbooks.md"
	runbooks     = "https://github.com/alert-history/refresh-sidecar/blob/main/docs/runbooks.md#"
)

var update = flag.Bool("update", false, "write "+operatorFile)

// ruleFile is the part of a rule file that tests look at.
type ruleFile struct {
	Groups []struct {
		Name  string `json:"name"`
		Rules []rule `json:"rules"`
	} `json:"groups"`
}

type rule struct {
	Alert       string            `json:"alert"`
	Expr        string            `json:"expr"`
	For         string            `json:"for"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

// alerts returns all rules of deploy/prometheus-rules.yaml.
func alerts(t *testing.T) (all []rule) {
	t.Helper()
	var file ruleFile
	if err := yaml.Unmarshal(read(t, rulesFile), &file); err != nil {
		t.Fatal(err)
	}
	for _, group := range file.Groups {
		all = append(all, group.Rules...)
	}
	if len(all) == 0 {
		t.Fatalf("no rules in %s", rulesFile)
	}
	return all
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path) // #nosec G304 -- a path of this repository
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// promtool fails the test if promtool fails, with what that says.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), controlplane.Program(t, binaries.Promtool), args...).CombinedOutput() // #nosec G204 -- our own arguments
	if err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func TestRulesAreClean(t *testing.T) {
	promtool(t, "check", "rules", "--lint=all", "--lint-fatal", rulesFile)
}

// scenarios returns the files that promtool runs.
func scenarios(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/rules/*_test.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("got %d files of scenarios, %v", len(files), err)
	}
	return files
}

func TestAlertsFireWhenTheyShouldAndNotOtherwise(t *testing.T) {
	promtool(t, append([]string{"test", "rules"}, scenarios(t)...)...)
}

// Each scenario names all alerts that fire in it, so that an alert in none of them has never been seen.
func TestEveryAlertHasAScenario(t *testing.T) {
	var text strings.Builder
	for _, file := range scenarios(t) {
		text.Write(read(t, file))
	}
	for _, r := range alerts(t) {
		if !strings.Contains(text.String(), `{labels: '{alertname="`+r.Alert+`"`) {
			t.Errorf("no scenario in which %s fires", r.Alert)
		}
	}
}

func TestEveryAlertTellsItsReader(t *testing.T) {
	for _, r := range alerts(t) {
		for _, name := range []string{"summary", "description"} {
			if text := r.Annotations[name]; len(text) < 20 || !strings.HasSuffix(text, ".") {
				t.Errorf("%s: got %s %q, want a sentence", r.Alert, name, text)
			}
		}
		if got, want := r.Annotations["runbook_url"], runbooks+strings.ToLower(r.Alert); got != want {
			t.Errorf("%s: got runbook_url %s, want %s", r.Alert, got, want)
		}
		if severity := r.Labels["severity"]; severity != "warning" && severity != "critical" {
			t.Errorf("%s: got severity %q, want warning or critical", r.Alert, severity)
		}
		if r.For == "" {
			t.Errorf("%s fires on a single evaluation", r.Alert)
		}
	}
}

// docs/runbooks.md has a runbook for each alert, and none for an alert that is no more.
func TestEveryAlertHasARunbook(t *testing.T) {
	var got, want []string
	for _, section := range strings.Split(string(read(t, runbooksFile)), "\n## ")[1:] {
		heading, text, _ := strings.Cut(section, "\n")
		got = append(got, heading)
		for _, part := range []string{"**Means.**", "**Look.**", "**Causes and cures.**", "**Escalate**"} {
			if !strings.Contains(text, part) {
				t.Errorf("the runbook of %s lacks %s", heading, part)
			}
		}
	}
	for _, r := range alerts(t) {
		want = append(want, r.Alert)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("alerts and runbooks, in this order (-alerts +runbooks):\n%s", diff)
	}
}

// The PrometheusRule is the rule file as a custom resource. Write it anew with -update.
func TestTheOperatorsRulesAreTheSame(t *testing.T) {
	const head = `# The alerts of ../prometheus-rules.yaml for the Prometheus Operator, written by: go test ./prometheus -run Operator -update (in test/)
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: refresh-sidecar
  namespace: alert-history
  labels:
    app.kubernetes.io/name: refresh-sidecar
spec:
`
	_, groups, _ := strings.Cut(string(read(t, rulesFile)), "\ngroups:\n")
	want := head + "  groups:\n"
	for line := range strings.Lines(groups) {
		if strings.TrimSpace(line) != "" {
			line = "  " + line
		}
		want += line
	}
	if *update {
		if err := os.MkdirAll(filepath.Dir(operatorFile), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(operatorFile, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, string(read(t, operatorFile))); diff != "" {
		t.Errorf("%s (-want +got):\n%s", operatorFile, diff)
	}
	var resource struct{ Spec ruleFile }
	if err := yaml.Unmarshal([]byte(want), &resource); err != nil {
		t.Fatal(err)
	}
	var plain ruleFile
	if err := yaml.Unmarshal(read(t, rulesFile), &plain); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(plain, resource.Spec); diff != "" {
		t.Errorf("rules of the custom resource (-want +got):\n%s", diff)
	}
}
