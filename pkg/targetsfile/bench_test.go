package targetsfile_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

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

func BenchmarkReaderGet(b *testing.B) {
	eachSize(b, func(b *testing.B, doc *targetsfile.Document) {
		path := shared(b)
		rename(b, path, encode(b, doc))
		r := open(b, path)
		wanted := make([]string, len(doc.Entries))
		for i := range wanted {
			wanted[i] = nth(i)
		}
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i++ {
				if _, err := r.Get(wanted[i%len(wanted)]); err != nil {
					b.Error(err)
				}
			}
		})
	})
}
