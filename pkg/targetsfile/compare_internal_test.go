//go:build unix

package targetsfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The benchmarks of this file are run with this version of the package and with an earlier one, see make bench-compare. So the file uses
// nothing of the other tests, and of the package only what both versions have.

// edited is a snapshot file in memory whose targets, generation and times can be changed without this package.
type edited struct {
	path       string
	text       []byte
	lines      [][2]int // where the targets stand in text
	generation int
	loader     loader
	current    state
}

// newEdited makes a file on a file system in memory, where there is one, as a pod's shared volume is.
func newEdited(b *testing.B, targets int) *edited {
	b.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "targetsfile")
	if err != nil {
		dir = b.TempDir()
	}
	b.Cleanup(func() { os.RemoveAll(dir) })
	entries := make([]*Entry, targets)
	for i := range entries {
		entries[i], err = NewEntry(Target{
			Name: fmt.Sprintf("target-%05d", i), Type: "webhook", URL: "https://hooks.example.com/services/T0000/B0000/00000000", PayloadFormat: "webhook",
			Enabled: true, Headers: map[string]string{"Authorization": "Bearer 0123456789abcdef", "X-Team": "sre"},
			FilterConfig: json.RawMessage(`{"severity":["critical","warning"],"min":1.50}`),
			Secret:       fmt.Sprintf("alert-history/target-%05d", i), SecretUID: fmt.Sprintf("5f1c0d6e-8f5e-4d0b-9c57-0a4b8a4%05d", i),
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	at := time.Date(2026, 1, 2, 10, 30, 45, 0, time.UTC)
	doc := &Document{
		Epoch: "0f8c9a52-3c1d-4a57-9b58-6d6f3f0c2a11", Generation: 1_000_000, Checksum: Checksum(entries), ChangedAt: at, RefreshedAt: at,
		StaleAfter: at.Add(time.Hour), Source: Source{Kind: SourceManifests, Path: "secrets"}, Discovered: targets, Valid: targets, Entries: entries,
	}
	var text bytes.Buffer
	if _, err := doc.WriteTo(&text); err != nil {
		b.Fatal(err)
	}
	e := &edited{path: filepath.Join(dir, "targets.json"), text: text.Bytes(), generation: 1_000_000}
	e.loader = loader{path: e.path, limit: MaxBytes, log: slog.New(slog.DiscardHandler)}
	offset := 0
	for line := range bytes.Lines(e.text) {
		if bytes.HasPrefix(line, []byte("    {")) {
			e.lines = append(e.lines, [2]int{offset + len("    "), offset + len(line) - len(",\n")})
		}
		offset += len(line)
	}
	e.lines[targets-1][1]++ // no comma follows the last one
	e.write(b)
	return e
}

// change changes the URL of one target, and what a sidecar changes with it.
func (e *edited) change(target int) {
	e.generation++
	e.put(`"generation": `, fmt.Sprint(e.generation))
	line := e.text[e.lines[target][0]:e.lines[target][1]]
	copy(line[bytes.Index(line, []byte("/B0000/"))+len("/B0000/"):], fmt.Sprintf("%08d", e.generation))
	e.put(`"checksum": "sha256:`, e.checksum())
}

// beat changes only the time of the last refresh.
func (e *edited) beat() {
	e.generation++ // not in the file
	e.put(`"refreshed_at": "2026-01-02T10:30:`, fmt.Sprintf("%02d", e.generation%60))
}

func (e *edited) put(after, text string) {
	copy(e.text[bytes.Index(e.text, []byte(after))+len(after):], text)
}

// checksum computes the checksum from the lines of the file.
func (e *edited) checksum() string {
	sum := sha256.New()
	between := "["
	for _, line := range e.lines {
		_, _ = io.WriteString(sum, between)
		sum.Write(e.text[line[0]:line[1]])
		between = ","
	}
	_, _ = io.WriteString(sum, "]")
	return hex.EncodeToString(sum.Sum(nil))
}

func (e *edited) write(b *testing.B) {
	b.Helper()
	if err := os.WriteFile(e.path+".new", e.text, 0o600); err != nil {
		b.Fatal(err)
	}
	if err := os.Rename(e.path+".new", e.path); err != nil {
		b.Fatal(err)
	}
}

func (e *edited) load() { e.current = e.loader.load(e.current) }

// field returns a field of a state, however the version spells it.
func field(s state, name string) reflect.Value {
	return reflect.ValueOf(s).FieldByNameFunc(func(is string) bool { return strings.EqualFold(is, name) })
}

// processorTime is what the process has used so far: on a machine that others use, too, it tells more than the time that went by.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// BenchmarkCompareLoad measures what the reader does with a file: the first one, one in which one target differs from the file before, one
// in which nothing differs but the time of the last refresh, and one of the same bytes. A changed target is anywhere in the file.
func BenchmarkCompareLoad(b *testing.B) {
	for _, targets := range []int{20, 1_000, 10_000} {
		for kind, next := range map[string]func(*edited){
			"first": func(e *edited) {
				e.current, e.loader = state{}, loader{path: e.path, limit: MaxBytes, log: e.loader.log}
			},
			"changed":   func(e *edited) { e.change(e.generation * 7919 % targets) },
			"heartbeat": (*edited).beat,
			"same":      func(*edited) {},
		} {
			b.Run(fmt.Sprintf("%s/targets=%d", kind, targets), func(b *testing.B) {
				e := newEdited(b, targets)
				e.load()
				b.ReportAllocs()
				used := time.Duration(0)
				for b.Loop() {
					b.StopTimer()
					next(e)
					e.write(b)
					used -= processorTime(b)
					b.StartTimer()
					e.load()
					used += processorTime(b)
				}
				b.ReportMetric(float64(used.Nanoseconds())/float64(b.N), "cpu-ns/op")
				if !field(e.current, "lastError").IsNil() {
					b.Fatal("the file was refused")
				}
				if got := field(e.current, "loads").Uint(); kind != "first" && got != uint64(b.N)+1 {
					b.Fatalf("got %d loads, want %d", got, b.N+1)
				}
			})
		}
	}
}

// BenchmarkCompareLimits measures what nobody can do without who reads, verifies or writes a file of that many targets, or compares it with
// another.
func BenchmarkCompareLimits(b *testing.B) {
	for _, targets := range []int{20, 1_000, 10_000} {
		e := newEdited(b, targets)
		other, buffer := bytes.Clone(e.text), make([]byte, len(e.text))
		for kind, work := range map[string]func() error{
			"read": func() error {
				file, err := os.Open(e.path)
				if err != nil {
					return err
				}
				defer file.Close()
				_, err = io.ReadFull(file, buffer)
				return err
			},
			"sha256": func() error { sha256.Sum256(e.text); return nil },
			"compare": func() error {
				if !bytes.Equal(e.text, other) {
					return io.ErrUnexpectedEOF
				}
				return nil
			},
			"write": func() error {
				file, err := os.Create(e.path + ".limit")
				if err != nil {
					return err
				}
				_, err = file.Write(e.text)
				file.Close()
				if err != nil {
					return err
				}
				return os.Rename(e.path+".limit", strings.TrimSuffix(e.path, ".json"))
			},
		} {
			b.Run(fmt.Sprintf("%s/targets=%d", kind, targets), func(b *testing.B) {
				b.SetBytes(int64(len(e.text)))
				used := -processorTime(b)
				for b.Loop() {
					if err := work(); err != nil {
						b.Fatal(err)
					}
				}
				used += processorTime(b)
				b.ReportMetric(float64(used.Nanoseconds())/float64(b.N), "cpu-ns/op")
			})
		}
	}
}
