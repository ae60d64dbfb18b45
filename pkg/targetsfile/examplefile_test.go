package targetsfile_test

import (
	"encoding/json"
	"errors"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// exampleFile writes a file with three targets, one of them disabled, as the sidecar does.
func exampleFile() (path string, remove func()) {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	path = filepath.Join(dir, "targets.json")
	exampleSnapshot(path, 42, []targetsfile.Target{
		{Name: "pager", Type: "pagerduty", URL: "https://events.pagerduty.com/v2", PayloadFormat: "pagerduty", Enabled: true,
			FilterConfig: json.RawMessage(`{"severity":["critical"]}`)},
		{Name: "slack-prod", Type: "slack", URL: "https://hooks.slack.com/services/T0/B0/secret", PayloadFormat: "slack", Enabled: true},
		{Name: "slack-test", Type: "slack", URL: "https://hooks.slack.com/services/T0/B0/other", PayloadFormat: "slack"},
	})
	return path, func() { os.RemoveAll(dir) }
}

// exampleWriter returns a function that stands for the sidecar, and where it writes.
func exampleWriter() (write func([]targetsfile.Target), path string, remove func()) {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	path = filepath.Join(dir, "targets.json")
	generation := uint64(0)
	write = func(targets []targetsfile.Target) {
		generation++
		exampleSnapshot(path, generation, targets)
	}
	return write, path, func() { os.RemoveAll(dir) }
}

// exampleSnapshot replaces the file at path in one step.
func exampleSnapshot(path string, generation uint64, targets []targetsfile.Target) {
	var entries []*targetsfile.Entry
	for _, target := range targets {
		entry, err := targetsfile.NewEntry(target)
		if err != nil {
			log.Fatal(err)
		}
		entries = append(entries, entry)
	}
	now := time.Now()
	doc := &targetsfile.Document{
		Epoch: "0f8c9a52-3c1d-4a57-9b58-6d6f3f0c2a11", Generation: generation, Checksum: targetsfile.Checksum(entries),
		ChangedAt: now, RefreshedAt: now, StaleAfter: now.Add(10 * time.Minute), Entries: entries,
	}
	file, err := os.Create(path + ".new")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := doc.WriteTo(file); err != nil {
		log.Fatal(err)
	}
	if err := errors.Join(file.Close(), os.Rename(file.Name(), path)); err != nil {
		log.Fatal(err)
	}
}
