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
	_, err = reader.Get("slack-dev")
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
		if target.Enabled {
			fmt.Println(target.URL)
		}
	}
	// Output:
	// snapshot of 3 targets, generation 42
	// pager
	// slack-prod
	// slack-test
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

// An app that keeps something for each target follows the changes. This one keeps names, and leaves when the file has no targets.
func ExampleReader_Changes() {
	writer, path, remove := exampleWriter()
	defer remove()
	ctx := context.Background()
	reader, err := targetsfile.Open(ctx, path)
	if err != nil {
		log.Fatal(err)
	}
	defer reader.Close()

	hook := targetsfile.Target{Name: "hook", Type: "webhook", URL: "https://example.com/in", Enabled: true}
	pager := targetsfile.Target{Name: "pager", Type: "pagerduty", URL: "https://events.pagerduty.com/v2", Enabled: true}
	moved := hook
	moved.URL = "https://example.org/in"

	next := [][]targetsfile.Target{{hook, pager}, {moved}, {}}
	writer(next[0])
	for change := range reader.Changes(ctx) {
		fmt.Println(change)
		for _, target := range change.Added {
			fmt.Println("  added", target)
		}
		for _, target := range change.Removed {
			fmt.Println("  removed", target)
		}
		for _, update := range change.Updated {
			fmt.Println("  updated", update)
		}
		if next = next[1:]; len(next) == 0 {
			break
		}
		writer(next[0])
	}
	// Output:
	// change to generation 1: 2 added, 0 removed, 0 updated
	//   added target hook (webhook, https://example.com, enabled=true)
	//   added target pager (pagerduty, https://events.pagerduty.com, enabled=true)
	// change to generation 2: 0 added, 1 removed, 1 updated
	//   removed target pager (pagerduty, https://events.pagerduty.com, enabled=true)
	//   updated from target hook (webhook, https://example.com, enabled=true) to target hook (webhook, https://example.org, enabled=true)
	// change to generation 3: 0 added, 1 removed, 0 updated
	//   removed target hook (webhook, https://example.org, enabled=true)
}

// A callback is called on a goroutine of its own; after stop it is not called again.
func ExampleReader_OnChange() {
	path, remove := exampleFile()
	defer remove()
	reader, err := targetsfile.Open(context.Background(), path)
	if err != nil {
		log.Fatal(err)
	}
	defer reader.Close()

	called := make(chan struct{})
	stop := reader.OnChange(func(change targetsfile.Change) {
		fmt.Println(change)
		close(called)
	})
	<-called
	stop()
	// Output:
	// change to generation 42: 3 added, 0 removed, 0 updated
}

// What Healthy says is for an alert. The targets of a stale snapshot are served all the same.
func ExampleReader_Healthy() {
	path, remove := exampleFile()
	defer remove()
	reader, err := targetsfile.Open(context.Background(), path, targetsfile.WithMaxAge(time.Nanosecond))
	if err != nil {
		log.Fatal(err)
	}
	defer reader.Close()

	err = reader.Healthy()
	fmt.Println(errors.Is(err, targetsfile.ErrStale), err)
	target, err := reader.Get("pager")
	fmt.Println(target, err)
	// Output:
	// true target snapshot is stale
	// target pager (pagerduty, https://events.pagerduty.com, enabled=true) <nil>
}

// Targets come in the order of their names. Only Enabled leaves out those that nothing is to be published to.
func ExampleReader_Enabled() {
	path, remove := exampleFile()
	defer remove()
	reader, err := targetsfile.Open(context.Background(), path)
	if err != nil {
		log.Fatal(err)
	}
	defer reader.Close()

	for target := range reader.Enabled() {
		fmt.Println("publish to", target)
	}
	for target := range reader.All() {
		fmt.Println("list", target)
	}
	// Output:
	// publish to target pager (pagerduty, https://events.pagerduty.com, enabled=true)
	// publish to target slack-prod (slack, https://hooks.slack.com, enabled=true)
	// list target pager (pagerduty, https://events.pagerduty.com, enabled=true)
	// list target slack-prod (slack, https://hooks.slack.com, enabled=true)
	// list target slack-test (slack, https://hooks.slack.com, enabled=false)
}

// Targets of one type come in the order of their names, those that are disabled included.
func ExampleReader_ByType() {
	path, remove := exampleFile()
	defer remove()
	reader, err := targetsfile.Open(context.Background(), path)
	if err != nil {
		log.Fatal(err)
	}
	defer reader.Close()

	for target := range reader.ByType("slack") {
		fmt.Println(target)
	}
	// Output:
	// target slack-prod (slack, https://hooks.slack.com, enabled=true)
	// target slack-test (slack, https://hooks.slack.com, enabled=false)
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
	entries := []*targetsfile.Entry{entry}
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
