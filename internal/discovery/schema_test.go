package discovery_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/alert-history/refresh-sidecar/internal/discovery"
	"github.com/alert-history/refresh-sidecar/internal/source"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// schemaError returns what a schema has against a document.
func schemaError(t *testing.T, schema, document string) error {
	t.Helper()
	compiled, err := jsonschema.NewCompiler().Compile(schema)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	return compiled.Validate(value)
}

// checkSchema fails unless the schema agrees with the decoder about a Secret whose target is a JSON object in plain text.
func checkSchema(t *testing.T, d data, valid bool) {
	t.Helper()
	doc, ok := d["config"]
	if !ok || !strings.HasPrefix(strings.TrimSpace(doc), "{") {
		return
	}
	if err := schemaError(t, "config.schema.json", doc); (err == nil) != valid {
		t.Errorf("schema: got error %v, want the decoder's verdict: valid=%t", err, valid)
	}
}

// What the schema lets pass, as its description says, because no schema can say it.
func TestSchemaExceptions(t *testing.T) {
	for _, tt := range []struct {
		name string
		data data
		want string
	}{
		{"a key twice", data{"config": `{"name":"a","type":"webhook","url":"https://h/p","x":1,"x":1}`}, "config.x: must not hold the same key twice in one object"},
		{"header names in two cases", with("headers", `{"A":"x","a":"x"}`), "headers: a: a header of this name is there already"},
		{"half a surrogate pair", with("url", `"https://h/\ud800"`), "url: must not hold a broken Unicode escape"},
		{"too deep", with("x", strings.Repeat("[", 100)+strings.Repeat("]", 100)), "config.x: must not nest deeper than 100 levels"},
		{"too large", with("x", `"`+strings.Repeat("x", targetsfile.MaxTargetBytes)+`"`), "must be at most 256 KiB as a target"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.data.decode().Fault; got == nil || got.Message() != tt.want {
				t.Errorf("decoder: got %+v, want %q", got, tt.want)
			}
			checkSchema(t, tt.data, true)
		})
	}
}

const examples = "../../deploy/examples"

func listExamples(t *testing.T) source.Listing {
	t.Helper()
	m, err := discovery.NewManifests(discovery.ManifestsConfig{Path: examples, LabelSelector: "publishing-target=true"})
	if err != nil {
		t.Fatal(err)
	}
	var listing source.Listing
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
	schema := filepath.FromSlash("../../pkg/targetsfile/schema/snapshot.schema.json")
	if _, err := os.Stat(schema); err != nil {
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
	if err := schemaError(t, schema, text.String()); err != nil {
		t.Error(err)
	}
	if _, err := targetsfile.Decode(text.Bytes()); err != nil {
		t.Error(err)
	}
}
