package targetsfile_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// fault is something that can stand where the file should be.
type fault struct {
	name string
	put  func(t *testing.T, path string)
	want targetsfile.Reason
}

// with replaces the file by content.
func with(content []byte) func(*testing.T, string) {
	return func(t *testing.T, path string) { rename(t, path, content) }
}

// faults are refused by a reader that holds generation 5.
func faults(t *testing.T) []fault {
	t.Helper()
	good := encode(t, document(t, 6, "a", "b"))
	other := encode(t, document(t, 5, "b"))
	return []fault{
		{"nothing", func(t *testing.T, path string) { check(t, os.Remove(path)) }, targetsfile.ReasonMissing},
		{"a link to nowhere", func(t *testing.T, path string) {
			check(t, os.Remove(path), os.Symlink(path+".absent", path))
		}, targetsfile.ReasonMissing},
		{"a directory", func(t *testing.T, path string) {
			check(t, os.Remove(path), os.Mkdir(path, 0o700))
		}, targetsfile.ReasonNotRegular},
		{"an empty file", with(nil), targetsfile.ReasonEmpty},
		{"a blank file", with([]byte("\n\n")), targetsfile.ReasonEmpty},
		{"half a file", with(good[:len(good)/2]), targetsfile.ReasonSyntax},
		{"an empty object", with([]byte("{}")), targetsfile.ReasonSchema},
		{"a damaged target", with(bytes.Replace(good, []byte("services"), []byte("Services"), 1)), targetsfile.ReasonChecksum},
		{"a later schema", with(bytes.Replace(good, []byte(`_version": 1`), []byte(`_version": 2`), 1)), targetsfile.ReasonUnsupported},
		{"a large file", with(append(good, bytes.Repeat([]byte("\n"), 10_000)...)), targetsfile.ReasonTooLarge},
		{"a terabyte of nothing", func(t *testing.T, path string) { check(t, os.Truncate(path, 1<<40)) }, targetsfile.ReasonTooLarge},
		{"an older generation", with(encode(t, document(t, 4, "a", "b"))), targetsfile.ReasonRollback},
		{"the same generation with another content", with(other), targetsfile.ReasonRollback},
	}
}

// keepsTheLastGood puts faults in the place of a good file, each followed by a good one.
func keepsTheLastGood(t *testing.T, faults []fault) {
	for _, fault := range faults {
		t.Run(fault.name, func(t *testing.T) {
			eachWay(t, func(t *testing.T, opts ...targetsfile.Option) {
				path := published(t, document(t, 5, "a"))
				var log safeBuffer
				opts = append(opts, targetsfile.WithMaxBytes(5_000), targetsfile.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
				r := open(t, path, opts...)

				before := time.Now()
				fault.put(t, path)
				eventually(t, r, "the file is refused", func() bool {
					s := r.Status()
					return s.LastError != nil && strings.Contains(s.LastError.Error(), string(fault.want))
				})
				s := r.Status()
				refused(t, s.LastError, fault.want)
				if !s.Ready || s.ConsecutiveFailures == 0 || s.Rejects == 0 || s.LastErrorAt.Before(before) {
					t.Errorf("got %+v, want ready, with failures", s)
				}
				if got, err := r.Get("a"); err != nil || got.Headers["Authorization"] != "Bearer "+canary {
					t.Errorf("got %v and error %v, want the last good target", got, err)
				}

				check(t, os.RemoveAll(path)) // a directory cannot be renamed over
				rename(t, path, encode(t, document(t, 6, "a", "b")))
				serves(t, r, 6)
				eventually(t, r, "all is well", func() bool { return r.Status().LastError == nil })
				if s := r.Status(); s.ConsecutiveFailures != 0 || !s.LastErrorAt.IsZero() {
					t.Errorf("got %+v, want no failures", s)
				}
				r.Close()
				text := log.take()
				if !strings.Contains(text, "keeping the last target snapshot") || strings.Contains(text, "CANARY") {
					t.Errorf("got log %s, want it to tell of the refusal but of no content", text)
				}
			})
		})
	}
}

// safeBuffer is a bytes.Buffer for a log that is read while it is written.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

// take returns what was written since the last call.
func (b *safeBuffer) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.buf.Reset()
	return b.buf.String()
}

func TestReaderKeepsTheLastGoodSnapshot(t *testing.T) { keepsTheLastGood(t, faults(t)) }

func TestReaderAcceptsWhatIsNoRollback(t *testing.T) {
	newEpoch := document(t, 1, "b")
	newEpoch.Epoch = "7d3f6c1e-0b52-4f0e-8e6a-1f2d3c4b5a69"
	heartbeat := document(t, 5, "a")
	heartbeat.RefreshedAt = heartbeat.RefreshedAt.Add(time.Minute)
	for _, test := range []struct {
		name string
		next *targetsfile.Document
		want int
	}{
		{"a higher generation", document(t, 9, "a", "b"), 2},
		{"the same generation and content, refreshed", heartbeat, 1},
		{"a lower generation of a new epoch", newEpoch, 1},
		{"a valid file without targets", document(t, 6), 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			eachWay(t, func(t *testing.T, opts ...targetsfile.Option) {
				path := published(t, document(t, 5, "a"))
				r := open(t, path, opts...)
				rename(t, path, encode(t, test.next))
				eventually(t, r, "the new file is served", func() bool {
					s := r.Snapshot()
					return s.Epoch() == test.next.Epoch && s.Generation() == test.next.Generation &&
						s.RefreshedAt().Equal(test.next.RefreshedAt) && s.Len() == test.want
				})
				if s := r.Status(); s.Rejects != 0 {
					t.Errorf("got %+v, want no rejects", s)
				}
			})
		})
	}
}

// The rollback rule compares with what is held, not with what was refused last.
func TestRefusedFileLeavesNoMark(t *testing.T) {
	path := filepath.Join(t.TempDir(), "targets.json")
	first := encode(t, document(t, 5, "a"))
	rename(t, path, first)
	r := open(t, path, targetsfile.WithPollInterval(time.Millisecond))
	rename(t, path, encode(t, document(t, 4, "a")))
	eventually(t, r, "the older file is refused", func() bool { return r.Status().LastError != nil })
	rename(t, path, first)
	eventually(t, r, "the first file is good again", func() bool { return r.Status().LastError == nil })
	serves(t, r, 5)
}

func TestReadFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "targets.json")

	t.Run("missing", func(t *testing.T) {
		_, err := targetsfile.ReadFile(path)
		refused(t, err, targetsfile.ReasonMissing)
		want := "snapshot " + path + " refused (missing): no such file or directory"
		if err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	})
	t.Run("damaged", func(t *testing.T) {
		rename(t, path, []byte(`{"targets": ["CANARY"]}`))
		_, err := targetsfile.ReadFile(path)
		refused(t, err, targetsfile.ReasonSchema)
		if !strings.Contains(err.Error(), path) {
			t.Errorf("got %v, want the path in it", err)
		}
	})
	t.Run("good, with the bytes to write it again", func(t *testing.T) {
		file := encode(t, full(t))
		rename(t, path, file)
		doc, err := targetsfile.ReadFile(path)
		check(t, err)
		if again := encode(t, doc); !bytes.Equal(again, file) {
			t.Errorf("got %s, want %s", again, file)
		}
	})
}

// What changes right after the file was read must not be missed. The log is written at just that moment.
func TestChangeAfterTheReadingIsSeen(t *testing.T) {
	path := published(t, document(t, 1, "a"))
	next := encode(t, document(t, 2, "a"))
	log := slog.New(&onFirst{Handler: slog.DiscardHandler, do: func() { rename(t, path, next) }})
	r := open(t, path, targetsfile.WithPollInterval(time.Hour), targetsfile.WithLogger(log))
	serves(t, r, 2)
}

// onFirst does something when the first line is logged.
type onFirst struct {
	slog.Handler
	once sync.Once
	do   func()
}

func (h *onFirst) Enabled(context.Context, slog.Level) bool { return true }

func (h *onFirst) Handle(context.Context, slog.Record) error {
	h.once.Do(h.do)
	return nil
}
