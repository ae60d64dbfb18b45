package writer_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"

	"github.com/alert-history/refresh-sidecar/internal/writer"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// put writes a file as somebody else would.
func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
}

// forged is a valid snapshot on one line, with as many of something as its writer likes.
func forged(count int, head, targets, rejections func(i int) string) string {
	list := func(item func(int) string) string {
		var b strings.Builder
		for i := range count {
			if item != nil {
				b.WriteString(item(i))
			}
		}
		return strings.Trim(b.String(), ",")
	}
	items := list(targets)
	return `{"schema_version":1,"epoch":"0f8c0000-0000-4000-8000-000000000000","generation":1,"checksum":"` + fmt.Sprintf("sha256:%x", sha256.Sum256([]byte("["+items+"]"))) +
		`","changed_at":"2026-01-01T00:00:00.000Z","refreshed_at":"2026-01-01T00:00:00.000Z","stale_after":"2026-01-01T00:00:00.000Z",` +
		`"source":{"kind":"manifests"},"targets_discovered":1,"targets_valid":1,"targets_invalid":0,` + list(head) +
		`"targets":[` + items + `],"invalid":[` + list(rejections) + `]}`
}

// TestReadRefusesWhatWouldNotFitIntoMemory, whatever makes it large, and takes what the sizes of deploy/README.md hold.
func TestReadRefusesWhatWouldNotFitIntoMemory(t *testing.T) {
	const count = 300_000
	tiny := func(i int) string { return fmt.Sprintf(`{"name":"%06d"},`, i) }
	members := func(i int) string {
		switch i {
		case 0:
			return `{"name":"a","extra":{"x":0`
		case count - 1:
			return "}}"
		}
		return fmt.Sprintf(`,"%x":0`, i)
	}
	if _, err := targetsfile.Decode([]byte(forged(3, nil, tiny, nil))); err != nil {
		t.Fatalf("what is forged has a fault of its own: %v", err)
	}
	var genuine strings.Builder
	if _, err := document(t, 5000).WriteTo(&genuine); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		text    string
		limit   int64 // GOMEMLIMIT, in MiB
		refused bool
	}{
		"tiny targets":  {forged(count, nil, tiny, nil), 40, true},
		"members":       {forged(count, nil, members, nil), 40, true},
		"rejections":    {forged(count, nil, nil, func(int) string { return "{}," }), 40, true},
		"unknown":       {forged(count, func(i int) string { return fmt.Sprintf(`"%x":0,`, i) }, nil, nil), 40, true},
		"5 000 targets": {genuine.String(), 60, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if len(c.text) > 8<<20 {
				t.Fatalf("the file has %d bytes: its size alone would tell", len(c.text))
			}
			path := filepath.Join(t.TempDir(), "targets.json")
			put(t, path, c.text)
			limit := debug.SetMemoryLimit(c.limit << 20)
			_, _, err := writer.New(path, 0o640).Read()
			debug.SetMemoryLimit(limit)
			if refused := err != nil && strings.Contains(err.Error(), "half of GOMEMLIMIT"); refused != c.refused {
				t.Errorf("got %v, want refused %t", err, c.refused)
			}
		})
	}
}

// TestCheckTellsWhoseFileIsInPlace at little cost, however large the other file is.
func TestCheckTellsWhoseFileIsInPlace(t *testing.T) {
	huge := forged(300_000, nil, func(i int) string { return fmt.Sprintf(`{"name":"%06d"},`, i) }, nil)
	replace := func(t *testing.T, path string, make func(path string) error) {
		t.Helper()
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := make(path); err != nil {
			t.Fatal(err)
		}
	}
	cases := map[string]struct {
		spoil           func(t *testing.T, path string)
		intact, foreign bool
	}{
		"nothing": {spoil: func(*testing.T, string) {}, intact: true},
		"a copy": {intact: true, spoil: func(t *testing.T, path string) {
			data, _ := os.ReadFile(path)
			replace(t, path, func(path string) error { return os.WriteFile(path, data, 0o640) })
		}},
		"a longer one": {foreign: true, spoil: func(t *testing.T, path string) {
			data, _ := os.ReadFile(path)
			put(t, path, string(data)+" ")
		}},
		"cut": {foreign: true, spoil: func(_ *testing.T, path string) { _ = os.Truncate(path, 100) }},
		"one byte": {foreign: true, spoil: func(t *testing.T, path string) {
			data, _ := os.ReadFile(path)
			put(t, path, strings.Replace(string(data), "target-00001", "target-0000x", 1))
		}},
		"a huge one": {foreign: true, spoil: func(t *testing.T, path string) { put(t, path, huge) }},
		"a pipe": {foreign: true, spoil: func(t *testing.T, path string) {
			replace(t, path, func(p string) error { return syscall.Mkfifo(p, 0o640) })
		}},
		"a directory": {foreign: true, spoil: func(t *testing.T, path string) { replace(t, path, func(p string) error { return os.Mkdir(p, 0o750) }) }},
		"a link": {foreign: true, spoil: func(t *testing.T, path string) {
			replace(t, path, func(p string) error { return os.Symlink("/etc/hostname", p) })
		}},
		"gone": {spoil: func(_ *testing.T, path string) { _ = os.Remove(path) }},
		"mode": {spoil: func(_ *testing.T, path string) { _ = os.Chmod(path, 0o600) }},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			setUmask(t, 0)
			path := filepath.Join(t.TempDir(), "targets.json")
			w, d := writer.New(path, 0o640), document(t, 3)
			if _, err := w.Publish(d); err != nil {
				t.Fatal(err)
			}
			c.spoil(t, path)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			intact, foreign, err := w.Check(d)
			runtime.ReadMemStats(&after)
			if intact != c.intact || foreign != c.foreign || err != nil {
				t.Errorf("got intact %t, foreign %t, %v; want %t, %t", intact, foreign, err, c.intact, c.foreign)
			}
			if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
				t.Errorf("the check took %d bytes of memory", took)
			}
		})
	}
}
