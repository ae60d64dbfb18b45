package main

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/alert-history/refresh-sidecar/examples/integration/core"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile/targetsfiletest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// openFile opens a snapshot of these targets, beside no sidecar.
func openFile(t *testing.T, targets ...targetsfile.Target) *Targets {
	t.Helper()
	path := filepath.Join(t.TempDir(), "targets.json")
	targetsfiletest.WriteSnapshot(t, path, targets...)
	opened, err := openTargets(t.Context(), path, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	return opened
}

func names(targets []*core.PublishingTarget) []string {
	list := []string{}
	for _, t := range targets {
		list = append(list, t.Name)
	}
	return list
}

func TestBothInterfacesAnswerFromTheSnapshot(t *testing.T) {
	targets := openFile(t,
		targetsfile.Target{Name: "pager", Type: "pagerduty", URL: "https://events.pagerduty.com/v2/enqueue"},
		targetsfile.Target{Name: "slack-prod", Type: "slack", URL: "https://hooks.slack.com/services/T0/B0/fake",
			Headers: map[string]string{"X-Team": "sre"}, FilterConfig: json.RawMessage(`{"severity":["critical"]}`)},
		targetsfile.Target{Name: "slack-test", Type: "slack", URL: "https://hooks.slack.com/services/T0/B0/test"},
	)
	var business core.Discovery = targets
	var infrastructure core.DiscoveryManager = targets

	got, err := business.GetTarget("slack-prod")
	if err != nil {
		t.Fatal(err)
	}
	want := &core.PublishingTarget{Name: "slack-prod", Type: "slack", URL: "https://hooks.slack.com/services/T0/B0/fake", Enabled: true, Format: "slack",
		Headers: map[string]string{"X-Team": "sre"}, FilterConfig: map[string]any{"severity": []any{"critical"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("slack-prod (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"pager", "slack-prod", "slack-test"}, names(business.ListTargets())); diff != "" {
		t.Errorf("all (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"slack-prod", "slack-test"}, names(business.GetTargetsByType("slack"))); diff != "" {
		t.Errorf("slack (-want +got):\n%s", diff)
	}
	if got := infrastructure.GetTargetCount(); got != 3 {
		t.Errorf("got %d targets, want 3", got)
	}
	stats := business.GetStats()
	if time.Since(stats.LastDiscovery) > time.Hour {
		t.Errorf("got %v as the last discovery, want now", stats.LastDiscovery)
	}
	stats.LastDiscovery = time.Time{}
	if diff := cmp.Diff(core.DiscoveryStats{Total: 3, Valid: 3}, stats); diff != "" {
		t.Errorf("stats (-want +got):\n%s", diff)
	}
	if err := errors.Join(business.Health(t.Context()), business.DiscoverTargets(t.Context())); err != nil {
		t.Errorf("got %v, want a healthy discovery that is content with the file", err)
	}
}

func TestAMissingTargetIsTheAppsOwnError(t *testing.T) {
	_, err := openFile(t).GetTarget("nobody")
	var notFound *core.ErrTargetNotFound
	if !errors.As(err, &notFound) || notFound.Name != "nobody" {
		t.Errorf("got %v, want *core.ErrTargetNotFound with the name", err)
	}
}

// Delivered unfiltered, a target with a broken filter would get alerts that are not meant for it.
func TestATargetWhoseFilterIsNotUnderstoodIsLeftOut(t *testing.T) {
	targets := openFile(t, targetsfile.Target{Name: "hook", Type: "webhook", URL: "https://example.com/in", FilterConfig: json.RawMessage(`{"severity":null}`)})
	if got := targets.ListTargets(); len(got) > 0 {
		t.Errorf("got %v, want none", names(got))
	}
}
