package main

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile/targetsfiletest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func names(targets []*PublishingTarget) []string {
	list := []string{}
	for _, t := range targets {
		list = append(list, t.Name)
	}
	return list
}

func TestLookupsAnswerFromTheSnapshot(t *testing.T) {
	reader := targetsfiletest.NewReader(t,
		targetsfile.Target{Name: "pager", Type: "pagerduty", URL: "https://events.pagerduty.com/v2/enqueue"},
		targetsfile.Target{Name: "slack-prod", Type: "slack", URL: "https://hooks.slack.com/services/T0/B0/fake",
			Headers: map[string]string{"X-Team": "sre"}, FilterConfig: json.RawMessage(`{"severity":["critical"]}`)},
		targetsfile.Target{Name: "slack-test", Type: "slack", URL: "https://hooks.slack.com/services/T0/B0/test"},
	)
	targets := NewTargets(reader)

	got, err := targets.GetTarget("slack-prod")
	if err != nil {
		t.Fatal(err)
	}
	want := &PublishingTarget{Name: "slack-prod", Type: "slack", URL: "https://hooks.slack.com/services/T0/B0/fake", Enabled: true, Format: "slack",
		Headers: map[string]string{"X-Team": "sre"}, FilterConfig: map[string]any{"severity": []any{"critical"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("slack-prod (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"pager", "slack-prod", "slack-test"}, names(targets.ListTargets())); diff != "" {
		t.Errorf("all (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"slack-prod", "slack-test"}, names(targets.GetTargetsByType("slack"))); diff != "" {
		t.Errorf("slack (-want +got):\n%s", diff)
	}
	if got := targets.GetTargetsByType("rootly"); got == nil || len(got) > 0 {
		t.Errorf("got %v for a type without targets, want an empty list", got)
	}
	if _, err := targets.GetTarget("nobody"); !errors.Is(err, targetsfile.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

func TestLookupsBeforeTheFirstSnapshot(t *testing.T) {
	reader, err := targetsfile.Open(t.Context(), filepath.Join(t.TempDir(), "targets.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	targets := NewTargets(reader)
	if _, err := targets.GetTarget("any"); !errors.Is(err, targetsfile.ErrNotReady) {
		t.Errorf("got %v, want ErrNotReady", err)
	}
	if got := targets.ListTargets(); len(got) > 0 {
		t.Errorf("got %v, want none", got)
	}
}

// A change of the file changes the answers, without a restart.
func TestLookupsFollowTheFile(t *testing.T) {
	writer := targetsfiletest.NewWriter(t, filepath.Join(t.TempDir(), "targets.json"))
	writer.Publish(targetsfile.Target{Name: "old", Type: "webhook", URL: "https://example.com/old"})
	reader, err := targetsfile.Open(t.Context(), writer.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	targets := NewTargets(reader)
	if diff := cmp.Diff([]string{"old"}, names(targets.ListTargets())); diff != "" {
		t.Fatalf("before (-want +got):\n%s", diff)
	}
	generation := writer.Publish(targetsfile.Target{Name: "new", Type: "webhook", URL: "https://example.com/new"})
	for change := range reader.Changes(t.Context()) {
		if change.To.Generation() == generation {
			break
		}
	}
	if diff := cmp.Diff([]string{"new"}, names(targets.ListTargets())); diff != "" {
		t.Errorf("after (-want +got):\n%s", diff)
	}
}
