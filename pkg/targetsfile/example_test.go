package targetsfile_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// The app opens the reader once and asks it for each alert.
func Example() {
	path, remove := exampleFile()
	defer remove()

	ctx := context.Background()
	reader, err := targetsfile.Open(ctx, path, targetsfile.WithMaxAge(15*time.Minute))
	if err != nil {
		log.Fatal(err) // only invalid arguments
	}
	defer reader.Close()
	if err := reader.WaitReady(ctx); err != nil {
		log.Fatal(err)
	}

	target, err := reader.Get("slack-prod")
	fmt.Println(target, err)
	_, err = reader.Get("slack-test")
	fmt.Println(errors.Is(err, targetsfile.ErrNotFound))
	// Output:
	// target slack-prod (slack, https://hooks.slack.com, enabled=true) <nil>
	// true
}

// One snapshot gives one request consistent answers while the file changes.
func ExampleReader_Snapshot() {
	path, remove := exampleFile()
	defer remove()
	reader, err := targetsfile.Open(context.Background(), path)
	if err != nil {
		log.Fatal(err)
	}
	defer reader.Close()

	snapshot := reader.Snapshot()
	fmt.Println(snapshot)
	for target := range snapshot.All() {
		fmt.Println(target.Name)
	}
	for target := range snapshot.ByType("slack") {
		fmt.Println(target.URL)
	}
	// Output:
	// snapshot of 2 targets, generation 42
	// pager
	// slack-prod
	// https://hooks.slack.com/services/T0/B0/secret
}

// A file that is lost or damaged takes no target away; the status says what is wrong.
func ExampleReader_Status() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	reader, err := targetsfile.Open(context.Background(), filepath.Join(dir, "targets.json"))
	if err != nil {
		log.Fatal(err)
	}
	defer reader.Close()

	status := reader.Status()
	var load *targetsfile.LoadError
	if errors.As(status.LastError, &load) {
		fmt.Println(status.Ready, load.Reason)
	}
	_, err = reader.Get("slack-prod")
	fmt.Println(err)
	// Output:
	// false missing
	// no target snapshot loaded yet
}

// A writer encodes each target once and publishes documents of them.
func ExampleDocument_WriteTo() {
	entry, err := targetsfile.NewEntry(targetsfile.Target{
		Name: "hook", Type: "webhook", URL: "https://example.com/in?a=1&b=2", PayloadFormat: "alertmanager", Enabled: true,
		FilterConfig: json.RawMessage(`{"min": 1.50}`), Secret: "alert-history/hook",
	})
	if err != nil {
		log.Fatal(err)
	}
	entries := []targetsfile.Entry{entry}
	at := time.Date(2026, 1, 2, 10, 30, 45, 123e6, time.UTC)
	doc := &targetsfile.Document{
		Epoch: "0f8c9a52-3c1d-4a57-9b58-6d6f3f0c2a11", Generation: 1, Checksum: targetsfile.Checksum(entries),
		ChangedAt: at, RefreshedAt: at, StaleAfter: at.Add(10 * time.Minute),
		Source:     targetsfile.Source{Kind: targetsfile.SourceManifests, Path: "secrets.yaml"},
		Discovered: 1, Valid: 1, Entries: entries,
	}
	if _, err := doc.WriteTo(os.Stdout); err != nil {
		log.Fatal(err)
	}
	// Output:
	// {
	//   "schema_version": 1,
	//   "epoch": "0f8c9a52-3c1d-4a57-9b58-6d6f3f0c2a11", "generation": 1,
	//   "checksum": "sha256:35c39e105d79caea7ce4f65bd9d203132d2cf70679a1fd44c9450daec287f2e6",
	//   "changed_at": "2026-01-02T10:30:45.123Z", "refreshed_at": "2026-01-02T10:30:45.123Z", "stale_after": "2026-01-02T10:40:45.123Z",
	//   "source": {"kind": "manifests", "path": "secrets.yaml"},
	//   "targets_discovered": 1, "targets_valid": 1, "targets_invalid": 0,
	//   "targets": [
	//     {"name":"hook","type":"webhook","url":"https://example.com/in?a=1&b=2","format":"alertmanager","enabled":true,"headers":{},"filter_config":{"min":1.50},"secret":"alert-history/hook"}
	//   ],
	//   "invalid": []
	// }
}

// exampleFile writes a file with two targets, as the sidecar does.
func exampleFile() (path string, remove func()) {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	path = filepath.Join(dir, "targets.json")
	file, err := os.Create(path)
	if err != nil {
		log.Fatal(err)
	}
	var entries []targetsfile.Entry
	for _, target := range []targetsfile.Target{
		{Name: "pager", Type: "pagerduty", URL: "https://events.pagerduty.com/v2", PayloadFormat: "pagerduty", Enabled: true},
		{Name: "slack-prod", Type: "slack", URL: "https://hooks.slack.com/services/T0/B0/secret", PayloadFormat: "slack", Enabled: true},
	} {
		entry, err := targetsfile.NewEntry(target)
		if err != nil {
			log.Fatal(err)
		}
		entries = append(entries, entry)
	}
	now := time.Now()
	doc := &targetsfile.Document{
		Epoch: "0f8c9a52-3c1d-4a57-9b58-6d6f3f0c2a11", Generation: 42, Checksum: targetsfile.Checksum(entries),
		ChangedAt: now, RefreshedAt: now, StaleAfter: now.Add(10 * time.Minute), Entries: entries,
	}
	if _, err := doc.WriteTo(file); err != nil {
		log.Fatal(err)
	}
	if err := file.Close(); err != nil {
		log.Fatal(err)
	}
	return path, func() { os.RemoveAll(dir) }
}
