package manifests_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/alert-history/refresh-sidecar/internal/source"
)

// Outside a bubble, where a file just written is new.
func TestListWaitsForWriters(t *testing.T) {
	t.Run("who have finished", func(t *testing.T) {
		root := files{"a.yaml": manifest("a")}.write(t)
		written := time.Now()
		if _, err := newSource(t, root).List(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(written); waited < 90*time.Millisecond { // timestamps are coarse
			t.Errorf("got a listing %v after the last write, want 100ms of quiet", waited)
		}
	})
	t.Run("who do not finish", func(t *testing.T) {
		root := files{"a.yaml": manifest("a")}.write(t)
		meddle := func() { write(t, filepath.Join(root, "a.yaml"), manifest("a")) }
		_, err := newSource(t, root).List(meddler{t.Context(), meddle}, "")
		checkManifestError(t, err, fmt.Sprintf("%q keeps changing", root))
	})
	t.Run("not beyond a cancellation", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := listEnded(t, ctx); !errors.Is(err, context.Canceled) || errors.As(err, new(*source.Error)) {
			t.Errorf("got %v, want the context's error as it is", err)
		}
	})
	t.Run("not beyond a deadline", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 0)
		defer cancel()
		err := listEnded(t, ctx)
		var failure *source.Error
		if !errors.As(err, &failure) || failure.Type != source.TimeoutError || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want a timeout that is the context's", err)
		}
	})
}

// meddler is a context that does something whenever it is asked whether it has ended, which List does between two files.
type meddler struct {
	context.Context
	meddle func()
}

func (m meddler) Err() error {
	m.meddle()
	return m.Context.Err()
}

// In a bubble, where no file is too new to be read.
func TestListReadsAgainWhatChangedMeanwhile(t *testing.T) {
	listWhile := func(t *testing.T, root string, meddle func()) (listing source.Listing, err error) {
		m := newSource(t, root)
		synctest.Test(t, func(t *testing.T) { listing, err = m.List(meddler{t.Context(), meddle}, "") })
		return listing, err
	}
	t.Run("once", func(t *testing.T) {
		root := files{"a.yaml": manifest("a"), "b.yaml": manifest("b")}.write(t)
		asked := 0
		listing, err := listWhile(t, root, func() {
			if asked++; asked == 3 { // the walk asks first, then each file
				write(t, filepath.Join(root, "a.yaml"), manifest("new"))
			}
		})
		if diff := cmp.Diff([]string{"default/b https://h/b", "default/new https://h/new"}, summary(listing)); err != nil || diff != "" {
			t.Errorf("error %v, secrets (-want +got):\n%s", err, diff)
		}
		if want := mustList(t, root).ResourceVersion; listing.ResourceVersion != want {
			t.Errorf("got version %s, want that of the last reading, %s", listing.ResourceVersion, want)
		}
	})
	t.Run("until it gives up", func(t *testing.T) {
		root := files{"a.yaml": manifest("a")}.write(t)
		asked := int64(0)
		_, err := listWhile(t, root, func() {
			asked++
			if err := os.Chtimes(filepath.Join(root, "a.yaml"), time.Time{}, time.Unix(asked, 0)); err != nil {
				t.Error(err)
			}
		})
		checkManifestError(t, err, fmt.Sprintf("%q keeps changing", root))
	})
}

// listEnded returns the error of a List whose context has ended. There must be nothing beside it but a resource version.
func listEnded(t *testing.T, ctx context.Context) error {
	t.Helper()
	listing, err := newSource(t, files{"a.yaml": manifest("a")}.write(t)).List(ctx, "")
	if listing.ResourceVersion == "" || listing.Secrets != nil {
		t.Errorf("got %+v, want only a resource version", listing)
	}
	return err
}
