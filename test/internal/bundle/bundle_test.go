package bundle_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/alert-history/refresh-sidecar/test/internal/bundle"
)

func TestFilesAreReadAsTheyWereWritten(t *testing.T) {
	files := []bundle.File{
		{Name: "a/", Mode: 0o755, Content: []byte{}},
		{Name: "a/program", Mode: 0o755, Content: []byte("run")},
		{Name: "empty", Mode: 0o644, Content: []byte{}},
	}
	var plain, compressed bytes.Buffer
	if err := bundle.Write(&plain, time.Time{}, files); err != nil {
		t.Fatal(err)
	}
	if err := bundle.Compress(&compressed, time.Unix(1e9, 0), files); err != nil {
		t.Fatal(err)
	}
	if compressed.Len() >= plain.Len() {
		t.Errorf("%d bytes became %d", plain.Len(), compressed.Len())
	}
	for name, archive := range map[string]*bytes.Buffer{"plain": &plain, "compressed": &compressed} {
		got, err := bundle.Read(archive)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(files, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestAFileThatCannotBeArchivedIsNamed(t *testing.T) {
	if err := bundle.Write(&bytes.Buffer{}, time.Time{}, []bundle.File{{Name: "nul\x00"}}); err == nil {
		t.Error("a name that no archive can hold is written")
	}
}
