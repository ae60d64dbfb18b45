package targetsfile_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// eachSize runs a benchmark on documents of 20, 1 000 and 10 000 targets.
func eachSize(b *testing.B, run func(b *testing.B, doc *targetsfile.Document)) {
	for _, size := range []int{20, 1_000, 10_000} {
		list := make([]string, size)
		for i := range list {
			list[i] = nth(i)
		}
		doc := document(b, 1, list...)
		b.Run(fmt.Sprintf("targets=%d", size), func(b *testing.B) {
			b.ReportAllocs()
			run(b, doc)
		})
	}
}

func nth(i int) string { return fmt.Sprintf("target-%05d", i) }

// shared returns a path in memory where there is one, as the pod's shared volume is.
func shared(b *testing.B) string {
	b.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "targetsfile")
	if err != nil {
		dir = b.TempDir()
	}
	b.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "targets.json")
}

func BenchmarkEncode(b *testing.B) {
	eachSize(b, func(b *testing.B, doc *targetsfile.Document) {
		for b.Loop() {
			if _, err := doc.WriteTo(io.Discard); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	eachSize(b, func(b *testing.B, doc *targetsfile.Document) {
		file := encode(b, doc)
		b.SetBytes(int64(len(file)))
		for b.Loop() {
			if _, err := targetsfile.Decode(file); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkReload measures from a new file to its being served, without the wait for an event: open, read, decode, verify, index.
func BenchmarkReload(b *testing.B) {
	eachSize(b, func(b *testing.B, doc *targetsfile.Document) {
		path := shared(b)
		rename(b, path, encode(b, doc))
		for b.Loop() {
			r, err := targetsfile.Open(b.Context(), path, targetsfile.WithoutWatch())
			if err != nil || r.Snapshot().Len() != len(doc.Entries) {
				b.Fatal(err)
			}
			r.Close()
		}
	})
}

// BenchmarkReaderGet measures lookups from all cores.
func BenchmarkReaderGet(b *testing.B) {
	eachSize(b, func(b *testing.B, doc *targetsfile.Document) {
		path := shared(b)
		rename(b, path, encode(b, doc))
		lookUp(b, open(b, path).Get, len(doc.Entries))
	})
}

// BenchmarkGetWhileTheFileChanges measures lookups among 10 000 targets while the file is replaced every 100 ms, which is more often
// than the sidecar does, through the reader and through a mutexMap that reloads as often.
func BenchmarkGetWhileTheFileChanges(b *testing.B) {
	path := shared(b)
	files := [][]byte{encode(b, large(b, 1)), encode(b, large(b, 2))}
	files[1] = bytes.Replace(files[1], []byte(epoch), []byte("7d3f6c1e-0b52-4f0e-8e6a-1f2d3c4b5a69"), 1) // so that each one is new
	for _, lookups := range []struct {
		name string
		get  func(b *testing.B) func(string) (targetsfile.Target, error)
	}{
		{"reader", func(b *testing.B) func(string) (targetsfile.Target, error) { return open(b, path).Get }},
		{"mutexMap", func(b *testing.B) func(string) (targetsfile.Target, error) {
			m := newMutexMap(b, path)
			follow(b, m.reload)
			return m.Get
		}},
	} {
		b.Run(lookups.name, func(b *testing.B) {
			b.ReportAllocs()
			rename(b, path, files[0])
			get := lookups.get(b)
			turn := 0
			follow(b, func() error {
				turn++
				rename(b, path, files[turn%2])
				return nil
			})
			lookUp(b, get, 10_000)
		})
	}
}

// BenchmarkNaiveReload measures what a mutexMap holds its lock for.
func BenchmarkNaiveReload(b *testing.B) {
	eachSize(b, func(b *testing.B, doc *targetsfile.Document) {
		path := shared(b)
		rename(b, path, encode(b, doc))
		m := newMutexMap(b, path)
		for b.Loop() {
			if err := m.reload(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkMemory reports what a reader, or a mutexMap, of 10 000 targets keeps on the heap.
func BenchmarkMemory(b *testing.B) {
	path := shared(b)
	file := encode(b, large(b, 1))
	rename(b, path, file)
	for _, held := range []struct {
		name string
		make func() any
	}{
		{"reader", func() any { return open(b, path, targetsfile.WithoutWatch()) }},
		{"mutexMap", func() any { return newMutexMap(b, path) }},
	} {
		b.Run(held.name, func(b *testing.B) {
			for b.Loop() {
				before := heap()
				value := held.make()
				b.ReportMetric(float64(heap()-before)/1e6, "MB-kept")
				runtime.KeepAlive(value)
			}
			b.ReportMetric(float64(len(file))/1e6, "MB-file")
		})
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC() // the first one finishes sweeping what went before
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func large(b *testing.B, generation uint64) *targetsfile.Document {
	b.Helper()
	list := make([]string, 10_000)
	for i := range list {
		list[i] = nth(i)
	}
	return document(b, generation, list...)
}

// lookUp asks for one target after the other from all cores.
func lookUp(b *testing.B, get func(string) (targetsfile.Target, error), targets int) {
	b.Helper()
	wanted := make([]string, targets)
	for i := range wanted {
		wanted[i] = nth(i)
	}
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if _, err := get(wanted[i%len(wanted)]); err != nil {
				b.Error(err)
			}
		}
	})
	b.StopTimer()
}

// follow does something every 100 ms until the benchmark ends.
func follow(b *testing.B, do func() error) {
	b.Helper()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				if err := do(); err != nil {
					b.Error(err)
				}
			}
		}
	}()
	b.Cleanup(func() { close(stop); <-stopped })
}

// mutexMap is the naive reader: a map that is read anew under the lock that lookups take.
type mutexMap struct {
	path    string
	mu      sync.Mutex
	targets map[string]targetsfile.Target
}

func newMutexMap(b *testing.B, path string) *mutexMap {
	b.Helper()
	m := &mutexMap{path: path}
	check(b, m.reload())
	return m
}

func (m *mutexMap) reload() error {
	type plain targetsfile.Target // decodes all fields
	m.mu.Lock()
	defer m.mu.Unlock()
	data, err := os.ReadFile(m.path)
	if err != nil {
		return err
	}
	var file struct{ Targets []plain }
	if err := json.Unmarshal(data, &file); err != nil {
		return err
	}
	m.targets = make(map[string]targetsfile.Target, len(file.Targets))
	for _, t := range file.Targets {
		m.targets[t.Name] = targetsfile.Target(t)
	}
	return nil
}

func (m *mutexMap) Get(name string) (targetsfile.Target, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t, has := m.targets[name]
	if !has {
		return t, targetsfile.ErrNotFound
	}
	return t, nil
}
