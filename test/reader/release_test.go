package reader_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// Two files that every release of schema_version 1 has to read: one as the first release of the sidecar writes it, which is frozen, and
// one as a later release may, with fields added to the document, the source, the targets and the rejections.
func TestFilesOfOtherReleasesAreRead(t *testing.T) {
	for _, name := range []string{"release-1.json", "next-release.json"} {
		t.Run(name, func(t *testing.T) {
			r, err := targetsfile.Open(t.Context(), fixture(t, name), targetsfile.WithoutWatch())
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if s := r.Status(); s.LastError != nil {
				t.Fatal(s.LastError)
			}
			s := r.Snapshot()
			if s.Generation() != 42 || s.Len() != 2 || s.Discovered() != 3 || len(s.Rejections()) != 1 {
				t.Errorf("got %v, want all of it", s)
			}
			got, err := r.Get("slack-prod")
			if err != nil || got.URL != "https://hooks.slack.com/services/CANARY" || got.Headers["X-Team"] != "CANARY" ||
				string(got.FilterConfig) != `{"min":1.50,"a":[1e3]}` || string(got.Extra["team"]) != `"CANARY"` || !got.Enabled {
				t.Errorf("got %v and error %v, want each field of the target", got, err)
			}
		})
	}
}

// What this release writes is byte for byte what the first one wrote.
func TestFileOfTheFirstReleaseIsWrittenAgain(t *testing.T) {
	path := fixture(t, "release-1.json")
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := targetsfile.Decode(want)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if _, err := doc.WriteTo(&got); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("got %s, want %s", got.Bytes(), want)
	}
}

// A sidecar of this release that goes on from a later one's file keeps the fields of targets that it does not know, and their checksum.
func TestAddedFieldsOfTargetsSurviveADowngrade(t *testing.T) {
	doc, err := targetsfile.ReadFile(fixture(t, "next-release.json"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "targets.json")
	write(t, path, doc)
	again, err := targetsfile.ReadFile(path)
	if err != nil || again.Checksum != doc.Checksum {
		t.Fatalf("got %v and error %v, want the same checksum", again, err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Targets []map[string]any }
	if err := json.Unmarshal(content, &file); err != nil {
		t.Fatal(err)
	}
	for _, target := range file.Targets {
		if target["priority"] == nil {
			t.Errorf("got %v, want the added field priority", target)
		}
	}
}
