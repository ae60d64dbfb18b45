//go:build go1.25

package targetsfile_test

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

func TestStaleness(t *testing.T) {
	const minute, ms = time.Minute, time.Millisecond
	for _, test := range []struct {
		name       string
		staleAfter time.Duration // after RefreshedAt
		options    []targetsfile.Option
		freshUntil time.Duration // after RefreshedAt
	}{
		{"by the file", 10 * minute, nil, 10*minute - ms},
		{"by the file before the reader's own limit", 10 * minute, []targetsfile.Option{targetsfile.WithMaxAge(time.Hour)}, 10*minute - ms},
		{"by the reader's own limit", time.Hour, []targetsfile.Option{targetsfile.WithMaxAge(2 * minute)}, 2 * minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "targets.json")
			synctest.Test(t, func(t *testing.T) {
				doc := document(t, 1, "a")
				doc.StaleAfter = doc.RefreshedAt.Add(test.staleAfter)
				rename(t, path, encode(t, doc))
				r := open(t, path, append(test.options, targetsfile.WithoutWatch())...)

				time.Sleep(test.freshUntil)
				if s := r.Status(); s.Stale || s.Age != test.freshUntil {
					t.Errorf("got %+v, want fresh at the age of %s", s, test.freshUntil)
				}
				time.Sleep(ms)
				if s := r.Status(); !s.Stale || !s.Ready {
					t.Errorf("got %+v, want stale", s)
				}
				if _, err := r.Get("a"); err != nil {
					t.Errorf("got %v, want the stale target", err)
				}

				doc = document(t, 1, "a") // the sidecar's heartbeat
				rename(t, path, encode(t, doc))
				time.Sleep(6 * time.Second)
				if s := r.Status(); s.Stale || s.Age != 6*time.Second || s.LoadedAt.Before(doc.RefreshedAt) {
					t.Errorf("after a heartbeat: got %+v, want fresh", s)
				}
			})
		})
	}
}

func TestAgeOfASnapshotFromTheFutureIsZero(t *testing.T) {
	path := filepath.Join(t.TempDir(), "targets.json")
	synctest.Test(t, func(t *testing.T) {
		doc := document(t, 1, "a")
		doc.RefreshedAt = doc.RefreshedAt.Add(time.Hour)
		doc.StaleAfter = doc.StaleAfter.Add(time.Hour)
		rename(t, path, encode(t, doc))
		r := open(t, path, targetsfile.WithoutWatch(), targetsfile.WithMaxAge(time.Minute))
		if s := r.Status(); s.Age != 0 || s.Stale {
			t.Errorf("got %+v, want age 0", s)
		}
	})
}

func TestHealthy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "targets.json")
	synctest.Test(t, func(t *testing.T) {
		r := open(t, path, targetsfile.WithoutWatch())
		is := func(when string, want error, reason targetsfile.Reason) {
			t.Helper()
			time.Sleep(6 * time.Second) // a poll
			err := r.Healthy()
			if !errors.Is(err, want) {
				t.Errorf("%s: got %v, want %v", when, err, want)
			}
			var load *targetsfile.LoadError
			if errors.As(err, &load) != (reason != "") || load != nil && load.Reason != reason {
				t.Errorf("%s: got %v, want reason %q", when, err, reason)
			}
		}
		is("without a file", targetsfile.ErrNotReady, targetsfile.ReasonMissing)
		rename(t, path, encode(t, document(t, 1, "a")))
		is("with a fresh one", nil, "")
		check(t, os.Remove(path))
		is("without it again", nil, "") // what is served is fresh all the same
		time.Sleep(10 * time.Minute)
		is("long without it", targetsfile.ErrStale, targetsfile.ReasonMissing)
		old := document(t, 2, "a")
		old.StaleAfter = old.RefreshedAt
		rename(t, path, encode(t, old))
		is("with one that is stale from the start", targetsfile.ErrStale, "")
		rename(t, path, encode(t, document(t, 2, "a")))
		is("with a fresh one again", nil, "")
	})
}

func TestCorruptFileBecomesStale(t *testing.T) {
	path := filepath.Join(t.TempDir(), "targets.json")
	synctest.Test(t, func(t *testing.T) {
		rename(t, path, encode(t, document(t, 1, "a")))
		r := open(t, path, targetsfile.WithoutWatch())
		rename(t, path, []byte("{"))
		time.Sleep(10 * time.Minute)
		if s := r.Status(); !s.Ready || !s.Stale || s.LastError == nil {
			t.Errorf("got %+v, want ready, stale and the reason", s)
		}
	})
}

// Polls are 5 s apart, give or take a tenth, and not in step.
func TestPollsAreJittered(t *testing.T) {
	path := filepath.Join(t.TempDir(), "targets.json")
	synctest.Test(t, func(t *testing.T) {
		r := open(t, path, targetsfile.WithoutWatch()) // each poll misses the file
		last, seen := r.Status().LastErrorAt, map[time.Duration]bool{}
		for range 10 * time.Minute / (10 * time.Millisecond) {
			time.Sleep(10 * time.Millisecond)
			at := r.Status().LastErrorAt
			if at.Equal(last) {
				continue
			}
			if gap := at.Sub(last); gap < 4500*time.Millisecond || gap > 5500*time.Millisecond {
				t.Errorf("got a poll after %s, want 5s give or take 0.5s", gap)
			} else {
				seen[gap] = true
			}
			last = at
		}
		if len(seen) < 50 {
			t.Errorf("got %d different intervals, want about 120", len(seen))
		}
	})
}

func TestUnchangedFileIsReadByEveryTwelfthPoll(t *testing.T) {
	path := filepath.Join(t.TempDir(), "targets.json")
	synctest.Test(t, func(t *testing.T) {
		rename(t, path, encode(t, document(t, 1, "a")))
		r := open(t, path, targetsfile.WithoutWatch())
		snapshot := r.Snapshot()
		time.Sleep(49 * time.Second) // at most 10 polls
		if got := r.Status().Loads; got != 1 {
			t.Errorf("got %d loads, want 1", got)
		}
		time.Sleep(18 * time.Second) // 12 polls, at most 14
		if got := r.Status().Loads; got != 2 {
			t.Errorf("got %d loads, want 2", got)
		}
		if r.Snapshot() != snapshot {
			t.Error("got another snapshot for the same bytes, want the same")
		}
	})
}

// What was refused may have been read while it was written, with the times that it has now.
func TestRefusedFileIsReadByEachPoll(t *testing.T) {
	path := filepath.Join(t.TempDir(), "targets.json")
	synctest.Test(t, func(t *testing.T) {
		rename(t, path, []byte("{"))
		r := open(t, path, targetsfile.WithoutWatch())
		time.Sleep(56 * time.Second) // 10 to 12 polls
		if got := r.Status().Rejects; got < 11 || got > 13 {
			t.Errorf("got %d loads, want one at first and one with each poll", got)
		}
	})
}

func TestSameFailureIsLoggedOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "targets.json")
	synctest.Test(t, func(t *testing.T) {
		var log safeBuffer
		handler := slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})
		r := open(t, path, targetsfile.WithoutWatch(), targetsfile.WithLogger(slog.New(handler)))
		heartbeat := document(t, 1, "a")
		heartbeat.RefreshedAt = heartbeat.RefreshedAt.Add(time.Second)
		for _, test := range []struct {
			name   string
			change func()
			want   []string
		}{
			{"missing from the start", func() {}, []string{`level=WARN msg="no target snapshot yet, waiting`}},
			{"still missing", func() {}, nil},
			{"broken", func() { rename(t, path, []byte("{")) }, []string{`level=WARN msg="no target snapshot yet, waiting`}},
			{"good for the first time", func() { rename(t, path, encode(t, document(t, 1, "a"))) }, []string{`level=INFO msg="target snapshot loaded"`}},
			{"refreshed", func() { rename(t, path, encode(t, heartbeat)) }, []string{`level=DEBUG msg="target snapshot refreshed"`}},
			{"missing", func() { check(t, os.Remove(path)) }, []string{`level=WARN msg="keeping the last target snapshot`}},
			{"broken again", func() { rename(t, path, []byte("{")) }, []string{`level=WARN msg="keeping the last target snapshot`}},
			{"back", func() { rename(t, path, encode(t, heartbeat)) }, []string{`level=INFO msg="target snapshot file is good again"`}},
		} {
			test.change()
			time.Sleep(time.Minute) // a dozen polls
			synctest.Wait()
			got := log.take()
			for _, want := range test.want {
				if !strings.Contains(got, want) {
					t.Errorf("%s: got log %q, want %q", test.name, got, want)
				}
			}
			if lines := strings.Count(got, "\n"); lines != len(test.want) {
				t.Errorf("%s: got %d lines %q, want %d", test.name, lines, got, len(test.want))
			}
		}
		r.Close()
	})
}
