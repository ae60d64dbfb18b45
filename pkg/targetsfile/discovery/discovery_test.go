//go:build go1.25

package discovery_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile/discovery"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile/targetsfiletest"
)

// An app without a snapshot starts, in bounded time, and has its targets as soon as there is one.
func TestOpenDoesNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logged bytes.Buffer
		writer := targetsfiletest.NewWriter(t, filepath.Join(t.TempDir(), "targets.json"))
		begun := time.Now()
		d := open(t, discovery.Config[string]{Path: writer.Path(), ReadyWithin: 3 * time.Second, Log: slog.New(slog.NewTextHandler(&logged, nil))})
		if took := time.Since(begun); took != 3*time.Second {
			t.Errorf("took %s, want 3 s", took)
		}
		if err := d.Health(t.Context()); !errors.Is(err, targetsfile.ErrNotReady) {
			t.Errorf("got %v, want ErrNotReady", err)
		}
		if got := d.ListTargets(); got == nil || len(got) > 0 {
			t.Errorf("got %#v, want an empty list", got)
		}
		counts := make(chan int)
		stop := d.OnChange(func() error {
			counts <- d.GetTargetCount()
			return errors.New("not today")
		})
		defer stop()
		for _, targets := range [][]targetsfile.Target{{}, {hook("a")}, {hook("a"), hook("b")}, {}} {
			writer.Publish(targets...)
			if got := <-counts; got != len(targets) {
				t.Errorf("got %d targets when told of a change, want %d", got, len(targets))
			}
		}
		if err := d.Health(t.Context()); err != nil {
			t.Errorf("got %v, want that no targets are healthy", err)
		}
		stop()
		for message, want := range map[string]int{"going on without them": 1, "could not act on changed targets": 4} {
			if got := strings.Count(logged.String(), message); got != want {
				t.Errorf("got %d lines with %q, want %d, in:\n%s", got, message, want, logged.String())
			}
		}
	})
}

func TestOpenEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := discovery.Open(ctx, discovery.Config[string]{Path: filepath.Join(t.TempDir(), "targets.json"),
			Convert: func(targetsfile.Target) (string, error) { return "", nil }, Options: []targetsfile.Option{targetsfile.WithoutWatch()}})
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, targetsfile.ErrNotReady) {
			t.Errorf("got %v, want that the context ended before a snapshot came", err)
		}
	})
}

func TestOpenNamesAllFaults(t *testing.T) {
	_, err := discovery.Open(t.Context(), discovery.Config[string]{Sidecar: "127.0.0.1:8095", ReadyWithin: -time.Second})
	for _, want := range []string{"path is empty", "no function converts", "must not be negative", "http://127.0.0.1:8095"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
	for _, url := range []string{"ftp://host", "http://user:secret@host", "http://", "http://host?x=y", "\x7f"} {
		_, err := discovery.Open(t.Context(), discovery.Config[string]{Path: "x", Sidecar: url, Convert: func(targetsfile.Target) (string, error) { return "", nil }})
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: got %v, want an error that does not quote it", url, err)
		}
	}
}

func TestGetTarget(t *testing.T) {
	path := filepath.Join(t.TempDir(), "targets.json")
	targetsfiletest.WriteSnapshot(t, path, hook("a"), targetsfile.Target{Name: "b", Type: "slack", URL: "https://example.com/b"})
	mine := errors.New("nobody")
	d := open(t, discovery.Config[string]{Path: path, NotFound: func(name string) error { return errors.Join(mine, errors.New(name)) }})
	if got, err := d.GetTarget("a"); got != "a" || err != nil {
		t.Errorf("got %q and error %v, want a", got, err)
	}
	if _, err := d.GetTarget("x"); !errors.Is(err, mine) {
		t.Errorf("got %v, want the app's error", err)
	}
	if got := d.GetTargetsByType("slack"); len(got) != 1 || got[0] != "b" {
		t.Errorf("got %v, want b", got)
	}
	if _, err := open(t, discovery.Config[string]{Path: path}).GetTarget("x"); !errors.Is(err, targetsfile.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}
