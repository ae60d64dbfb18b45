package languages_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/alert-history/refresh-sidecar/internal/secret"
	"github.com/alert-history/refresh-sidecar/internal/source"
	"github.com/alert-history/refresh-sidecar/internal/writer"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// publication is one file as the sidecar writes it, but for the epoch and the times, which are fixed.
type publication struct {
	epoch      string // empty: always the same
	generation uint64
	configs    []string // the keys config of the Secrets, by name of their targets
	minutes    int      // how long after the others it was refreshed
	lastGood   bool     // the first target's Secret is broken now
	manifests  bool
}

// write decodes the Secrets and writes the file by the code of the sidecar.
func (p publication) write(t *testing.T) []byte {
	t.Helper()
	changed := time.Date(2026, 1, 2, 10, 30, 45, 123e6, time.UTC)
	refreshed := changed.Add(time.Duration(p.minutes) * time.Minute)
	doc := &targetsfile.Document{
		Epoch: p.epoch, Generation: p.generation, ChangedAt: changed, RefreshedAt: refreshed, StaleAfter: refreshed.Add(10 * time.Minute),
		Source: targetsfile.Source{
			Kind: targetsfile.SourceKubernetes, Namespaces: []string{"alert-history"}, LabelSelector: "publishing-target=true",
		},
		Discovered: len(p.configs), Valid: len(p.configs),
	}
	if doc.Epoch == "" {
		doc.Epoch = "0f8c9a52-3c1d-4a57-9b58-6d6f3f0c2a11"
	}
	if p.manifests {
		doc.Source = targetsfile.Source{Kind: targetsfile.SourceManifests, Path: "deploy/examples"}
	}
	for i, config := range p.configs {
		doc.Entries = append(doc.Entries, p.entry(t, i, config))
	}
	if p.lastGood {
		doc.Entries[0] = doc.Entries[0].Stale(changed)
		doc.Valid, doc.Invalid = doc.Valid-1, 1
		doc.Rejections = []targetsfile.Rejection{{
			Secret: doc.Entries[0].Secret, Reason: targetsfile.RejectValidate, Message: "url: is required", Serving: targetsfile.ServingLastGood,
		}}
	}
	path := filepath.Join(t.TempDir(), "targets.json")
	if _, err := writer.New(path, 0o600).Publish(doc); err != nil {
		t.Fatal(err)
	}
	return readFile(t, path)
}

func (p publication) entry(t *testing.T, i int, config string) *targetsfile.Entry {
	t.Helper()
	decoded := decodeConfig(i, config, p.manifests)
	if decoded.Fault != nil {
		t.Fatalf("%s: %s", config, decoded.Fault.Message())
	}
	return decoded.Entry
}

// decodeConfig decodes a Secret with this key config.
func decodeConfig(i int, config string, manifest bool) source.Secret {
	object := &secret.Object{
		ObjectMeta: metav1.ObjectMeta{Namespace: "alert-history", Name: fmt.Sprintf("secret-%04d", i)},
		Data:       map[string][]byte{"config": []byte(config)},
	}
	if !manifest {
		object.UID = types.UID(fmt.Sprintf("5f1c0d6e-8f5e-4d0b-9c57-%012d", i))
	}
	return secret.Decode(object)
}

// targetLines returns the lines between those around the targets, without the last line break.
func targetLines(file []byte) []byte {
	_, rest, _ := bytes.Cut(file, []byte("\n  \"targets\": [\n"))
	lines, _, _ := bytes.Cut(rest, []byte("\n  ],\n"))
	return lines
}

var checksum = regexp.MustCompile(`"sha256:[0-9a-f]{64}"`)

// seal gives a file the checksum of its lines.
func seal(file []byte) []byte {
	list := bytes.ReplaceAll(append([]byte("\n"), targetLines(file)...), []byte("\n    "), nil)
	sum := fmt.Appendf(nil, `"sha256:%x"`, sha256.Sum256(fmt.Appendf(nil, "[%s]", list)))
	first := checksum.Find(file)
	return bytes.Replace(file, first, sum, 1)
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path) // #nosec G304 -- a path of the test
	if err != nil {
		t.Fatal(err)
	}
	return data
}
