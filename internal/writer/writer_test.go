package writer_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/alert-history/refresh-sidecar/internal/writer"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func document(tb testing.TB, targets int) *targetsfile.Document {
	tb.Helper()
	d := &targetsfile.Document{
		Epoch: "0f8c0000-0000-4000-8000-000000000000", Generation: 1,
		ChangedAt: time.Unix(1, 0).UTC(), RefreshedAt: time.Unix(1, 0).UTC(), StaleAfter: time.Unix(601, 0).UTC(),
		Source:     targetsfile.Source{Kind: targetsfile.SourceManifests, Path: "examples"},
		Discovered: targets, Valid: targets,
	}
	for i := range targets {
		e, err := targetsfile.NewEntry(targetsfile.Target{
			Name: fmt.Sprintf("target-%05d", i), Type: "webhook", URL: "https://example.com/hook", PayloadFormat: "webhook",
			Headers: map[string]string{"Authorization": "Bearer 0123456789abcdef"}, Secret: "ns/secret",
		})
		if err != nil {
			tb.Fatal(err)
		}
		d.Entries = append(d.Entries, e)
	}
	d.Checksum = targetsfile.Checksum(d.Entries)
	return d
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func setUmask(t *testing.T, mask int) {
	t.Helper()
	old := syscall.Umask(mask)
	t.Cleanup(func() { syscall.Umask(old) })
}

// mountTmpfs makes dir a file system of its own for the rest of the test.
func mountTmpfs(t *testing.T, dir string, flags uintptr, options string) {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", flags, options); err != nil {
		t.Skipf("mounting a tmpfs takes root: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
}

// asNobody takes root's rights on files from this test's thread for the rest of the test.
func asNobody(t *testing.T) {
	t.Helper()
	runtime.LockOSThread()
	if err := syscall.Setfsuid(65534); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Setfsuid(os.Getuid())
		runtime.UnlockOSThread()
	})
}

func TestPublishWritesTheDocumentAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "targets.json")
	want := document(t, 3)
	size, err := writer.New(path, 0o640).Publish(want)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(data)) != size {
		t.Errorf("got size %d, want the file's %d", size, len(data))
	}
	got, err := targetsfile.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if got.Checksum != want.Checksum || len(got.Entries) != 3 {
		t.Errorf("got %s with %d targets, want %s with 3", got.Checksum, len(got.Entries), want.Checksum)
	}
	if diff := cmp.Diff([]string{"targets.json"}, files(t, dir)); diff != "" {
		t.Errorf("directory (-want +got):\n%s", diff)
	}
}

func TestPublishSetsExactlyTheMode(t *testing.T) {
	for _, umask := range []int{0o000, 0o022, 0o077} {
		for _, before := range []os.FileMode{0, 0o600, 0o666} {
			t.Run(fmt.Sprintf("umask %04o over a file of %04o", umask, before), func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "targets.json")
				setUmask(t, umask)
				if before != 0 {
					if err := os.WriteFile(path, []byte("{}"), before); err != nil {
						t.Fatal(err)
					}
					if err := os.Chmod(path, before); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := writer.New(path, 0o640).Publish(document(t, 1)); err != nil {
					t.Fatal(err)
				}
				info, err := os.Stat(path)
				if err != nil {
					t.Fatal(err)
				}
				if got := info.Mode(); got != 0o640 {
					t.Errorf("got mode %04o, want 0640", got)
				}
			})
		}
	}
}

func TestFailedPublishLeavesTheOldFile(t *testing.T) {
	tooLarge := document(t, 0)
	largest, err := targetsfile.NewEntry(targetsfile.Target{Name: "a", URL: strings.Repeat("x", targetsfile.MaxTargetBytes)})
	if err != nil {
		t.Fatal(err)
	}
	tooLarge.Entries = slices.Repeat([]*targetsfile.Entry{largest}, targetsfile.MaxBytes/targetsfile.MaxTargetBytes)
	cases := map[string]struct {
		document *targetsfile.Document
		mounted  string // options of a tmpfs that the directory is
		message  string
	}{
		"document over the size limit": {document: tooLarge, message: "readers accept"},
		"volume full":                  {document: document(t, 5000), mounted: "size=64k", message: "sizeLimit"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if c.mounted != "" {
				mountTmpfs(t, dir, 0, c.mounted)
			}
			path := filepath.Join(dir, "targets.json")
			w := writer.New(path, 0o640)
			if _, err := w.Publish(document(t, 2)); err != nil {
				t.Fatal(err)
			}
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.Publish(c.document); err == nil || !strings.Contains(err.Error(), c.message) {
				t.Errorf("got error %v, want one with %q", err, c.message)
			}
			after, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(before, after) {
				t.Error("the old file was changed")
			}
			if diff := cmp.Diff([]string{"targets.json"}, files(t, dir)); diff != "" {
				t.Errorf("directory (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSweepRemovesLeftoversOnly(t *testing.T) {
	dir := t.TempDir()
	keep := []string{".other.json123", ".targets.json12a", ".targets.jsonX", "targets.json", "targets.json123"}
	for _, name := range append([]string{".targets.json123", ".targets.json8324098508354416283", "..targets.json1234"}, keep...) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, ".targets.json7"), 0o700); err != nil {
		t.Fatal(err)
	}
	swept, err := writer.New(filepath.Join(dir, "targets.json"), 0o640).Sweep()
	if err != nil || swept != 3 {
		t.Errorf("got %d swept, error %v; want 3, nil", swept, err)
	}
	if diff := cmp.Diff(append([]string{".other.json123", ".targets.json12a", ".targets.json7", ".targets.jsonX"}, keep[3:]...), files(t, dir)); diff != "" {
		t.Errorf("directory (-want +got):\n%s", diff)
	}
}

func TestProbeSaysWhatIsWrongAndWhatToDo(t *testing.T) {
	cases := map[string]struct {
		prepare func(t *testing.T, dir string) (path string)
		is      error
		message string
	}{
		"writable directory": {
			prepare: func(_ *testing.T, dir string) string { return filepath.Join(dir, "targets.json") },
		},
		"missing directory": {
			prepare: func(_ *testing.T, dir string) string { return filepath.Join(dir, "absent", "targets.json") },
			is:      fs.ErrNotExist, message: "mount the shared volume",
		},
		"read-only volume": {
			prepare: func(t *testing.T, dir string) string {
				mountTmpfs(t, dir, syscall.MS_RDONLY, "")
				return filepath.Join(dir, "targets.json")
			},
			is: syscall.EROFS, message: "without readOnly",
		},
		"no permission": {
			prepare: func(t *testing.T, dir string) string {
				if err := os.Chmod(dir, 0o500); err != nil { // for its owner, too, who need not be root
					t.Fatal(err)
				}
				asNobody(t)
				return filepath.Join(dir, "targets.json")
			},
			is: fs.ErrPermission, message: "fsGroup",
		},
		"path is a directory": {
			prepare: func(_ *testing.T, dir string) string { return dir },
			message: "is a directory",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			err := writer.New(c.prepare(t, t.TempDir()), 0o640).Probe()
			switch {
			case c.message == "" && err != nil:
				t.Errorf("got %v, want no error", err)
			case c.message != "" && (err == nil || !strings.Contains(err.Error(), c.message)):
				t.Errorf("got %v, want a message with %q", err, c.message)
			case c.is != nil && !errors.Is(err, c.is):
				t.Errorf("got %v, want %v", err, c.is)
			}
		})
	}
}

func BenchmarkPublish(b *testing.B) {
	for _, n := range []int{20, 1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := writer.New(filepath.Join(b.TempDir(), "targets.json"), 0o640)
			d := document(b, n)
			for b.Loop() {
				if _, err := w.Publish(d); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestCheckDoesNotReadWhatCannotBeItsFile: whoever can write to the volume must not make the sidecar use more memory than it has.
func TestCheckDoesNotReadWhatCannotBeItsFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "targets.json")
	w := writer.New(path, 0o640)
	published := document(t, 1)
	if _, err := w.Publish(published); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Repeat([]byte(" "), 48<<20), 0o640); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	intact, foreign, err := w.Check(published)
	runtime.ReadMemStats(&after)
	if intact || !foreign || err != nil {
		t.Errorf("got intact %t, foreign %t, %v; want foreign", intact, foreign, err)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 8<<20 {
		t.Errorf("took %d MiB", took>>20)
	}
}

// TestCheckKnowsEveryFieldOfItsFile: readers act on those beside the targets, too.
func TestCheckKnowsEveryFieldOfItsFile(t *testing.T) {
	for name, change := range map[string]func(*targetsfile.Document){
		"stale_after": func(d *targetsfile.Document) { d.StaleAfter = time.Unix(901, 0).UTC() },
		"discovered":  func(d *targetsfile.Document) { d.Discovered, d.Invalid = 2, 1 },
		"source":      func(d *targetsfile.Document) { d.Source.Path = "elsewher" },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "targets.json")
			w := writer.New(path, 0o640)
			published := document(t, 1)
			if _, err := w.Publish(published); err != nil {
				t.Fatal(err)
			}
			other := document(t, 1)
			change(other)
			if _, err := writer.New(path, 0o640).Publish(other); err != nil {
				t.Fatal(err)
			}
			if intact, foreign, err := w.Check(published); intact || !foreign || err != nil {
				t.Errorf("got intact %t, foreign %t, %v; want foreign", intact, foreign, err)
			}
		})
	}
}
