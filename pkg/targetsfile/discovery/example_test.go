package discovery_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile/discovery"
)

// Publisher stands for what an app keeps for each target.
type Publisher struct{ Name, Format string }

// An app says how a target becomes its own, and has the lookups.
func Example() {
	path, remove := exampleFile()
	defer remove()
	d, err := discovery.Open(context.Background(), discovery.Config[*Publisher]{
		Path: path,
		Convert: func(t targetsfile.Target) (*Publisher, error) {
			return &Publisher{Name: t.Name, Format: t.PayloadFormat}, nil
		},
		NotFound: func(name string) error { return fmt.Errorf("no publisher %s", name) },
	})
	if err != nil {
		log.Fatal(err)
	}
	defer d.Close()

	for _, p := range d.ListTargets() {
		fmt.Println(p.Name, p.Format)
	}
	_, err = d.GetTarget("nobody")
	fmt.Println(err)
	// Output:
	// hook alertmanager
	// no publisher nobody
}

// exampleFile writes the snapshot of a sidecar that has one target.
func exampleFile() (path string, remove func()) {
	entry, err := targetsfile.NewEntry(targetsfile.Target{Name: "hook", Type: "webhook", URL: "https://example.com/in", PayloadFormat: "alertmanager",
		Enabled: true, Secret: "alert-history/hook"})
	if err != nil {
		log.Fatal(err)
	}
	entries := []*targetsfile.Entry{entry}
	doc := &targetsfile.Document{Epoch: "0f8c9a52-3c1d-4a57-9b58-6d6f3f0c2a11", Generation: 1, Checksum: targetsfile.Checksum(entries),
		Source: targetsfile.Source{Kind: targetsfile.SourceManifests, Path: "secrets.yaml"}, Discovered: 1, Valid: 1, Entries: entries}
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	path = filepath.Join(dir, "targets.json")
	file, err := os.Create(path) // #nosec G304 -- in a directory of its own
	if err != nil {
		log.Fatal(err)
	}
	if _, err := doc.WriteTo(file); err != nil {
		log.Fatal(err)
	}
	if err := file.Close(); err != nil {
		log.Fatal(err)
	}
	return path, func() { _ = os.RemoveAll(dir) }
}
