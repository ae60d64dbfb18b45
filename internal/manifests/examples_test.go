package manifests_test

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/alert-history/refresh-sidecar/internal/source"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

const examples = "../../deploy/examples"

func listExamples(t *testing.T) source.Listing {
	t.Helper()
	m := newSource(t, examples)
	var listing source.Listing
	var err error
	synctest.Test(t, func(t *testing.T) { listing, err = m.List(t.Context(), "alert-history") })
	if err != nil {
		t.Fatal(err)
	}
	return listing
}

func TestExamplesAreValid(t *testing.T) {
	got := map[string]string{}
	for _, s := range listExamples(t).Secrets {
		if s.Fault != nil {
			t.Errorf("%s: %s", s.Key, s.Fault.Message())
			continue
		}
		if doubled := s.Key == "alert-history/webhook-legacy"; doubled != (len(s.Warnings) > 0) {
			t.Errorf("%s: got warnings %q, want one for the double base64 only", s.Key, s.Warnings)
		}
		e := s.Entry
		got[e.Name] = strings.Join([]string{e.Type, e.PayloadFormat, e.Host(), map[bool]string{true: "on", false: "off"}[e.Enabled]}, " ")
	}
	want := map[string]string{
		"pagerduty-oncall": "pagerduty pagerduty https://events.pagerduty.com on",
		"rootly":           "rootly rootly https://webhooks.rootly.com on",
		"slack-sre":        "slack slack https://hooks.slack.com on",
		"webhook-archive":  "webhook alertmanager http://archive.example.svc.cluster.local:8080 on",
		"webhook-legacy":   "webhook webhook https://legacy.example.com on",
		"webhook-staging":  "webhook webhook https://staging.example.com off",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("targets (-want +got):\n%s", diff)
	}
}

func TestExamplesHoldNoCredential(t *testing.T) {
	for _, s := range listExamples(t).Secrets {
		for name, value := range s.Entry.Headers {
			if name == "Authorization" && !strings.Contains(value, "fake") {
				t.Errorf("%s: got a header %s that is not marked fake", s.Key, name)
			}
		}
	}
}

// A snapshot of the examples is what the published schema of snapshots describes.
func TestExamplesMakeAValidSnapshot(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile("../../pkg/targetsfile/schema/snapshot.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 1, 2, 10, 30, 45, 0, time.UTC)
	doc := targetsfile.Document{
		Epoch: "0f8c2c0e-7a0b-4c1d-9a53-0f6f8f0f6d11", Generation: 1, ChangedAt: now, RefreshedAt: now, StaleAfter: now.Add(10 * time.Minute),
		Source: targetsfile.Source{Kind: targetsfile.SourceManifests, Path: examples},
	}
	for _, s := range listExamples(t).Secrets { // sorted by key, and so by name: they are the same here
		doc.Entries = append(doc.Entries, s.Entry)
	}
	doc.Entries[0] = doc.Entries[0].Stale(now)
	doc.Discovered, doc.Valid, doc.Invalid = len(doc.Entries), len(doc.Entries)-1, 1
	doc.Checksum = targetsfile.Checksum(doc.Entries)
	doc.Rejections = []targetsfile.Rejection{{
		Secret: doc.Entries[0].Secret, Reason: targetsfile.RejectValidate, Message: "url: is required", Serving: targetsfile.ServingLastGood,
	}}
	var text bytes.Buffer
	if _, err := doc.WriteTo(&text); err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(value); err != nil {
		t.Error(err)
	}
	if _, err := targetsfile.Decode(text.Bytes()); err != nil {
		t.Error(err)
	}
}
