package languages_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// goReader lets the Go reader follow a file in whose place these files are put, one after the other.
func goReader(t *testing.T, paths []string) (results []result) {
	t.Helper()
	followed := filepath.Join(t.TempDir(), "targets.json")
	synctest.Test(t, func(t *testing.T) {
		const poll = time.Second
		r, err := targetsfile.Open(t.Context(), followed, targetsfile.WithoutWatch(), targetsfile.WithPollInterval(poll))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		for _, path := range paths {
			replace(t, path, followed)
			loads, rejects := r.Status().Loads, r.Status().Rejects
			time.Sleep(20 * poll) // the file is read whatever its times say after twelve polls
			synctest.Wait()
			if s := r.Status(); s.Loads == loads && s.Rejects == rejects {
				t.Fatalf("%s was not looked at", path)
			}
			results = append(results, resultOf(r))
		}
	})
	return results
}

// replace puts a file in the place of another by a rename; where there is no such file, the other one is removed.
func replace(t *testing.T, path, place string) {
	t.Helper()
	next := place + ".new"
	_ = os.Remove(next) // rename(2) leaves it there if both names are those of one file
	err := os.Link(path, next)
	switch {
	case err == nil:
		err = os.Rename(next, place)
	case errors.Is(err, os.ErrNotExist):
		if err = os.Remove(place); errors.Is(err, os.ErrNotExist) {
			err = nil
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

func resultOf(r *targetsfile.Reader) result {
	out := result{Outcome: accept}
	var fault *targetsfile.LoadError
	if errors.As(r.Status().LastError, &fault) {
		out = result{Outcome: refuse, Reason: string(fault.Reason)}
	}
	snapshot := r.Snapshot()
	if snapshot == nil {
		return out
	}
	if fault != nil {
		out.Outcome = keep
	}
	sum := sha256.New()
	for target := range snapshot.All() {
		fmt.Fprintln(sum, target.Name, target.Type, target.URL, target.PayloadFormat, target.Enabled)
		for _, name := range slices.Sorted(maps.Keys(target.Headers)) {
			fmt.Fprintf(sum, "%s: %s\n", name, target.Headers[name])
		}
	}
	count := snapshot.Len()
	out.Generation, out.Targets, out.Digest = snapshot.Generation(), &count, fmt.Sprintf("%x", sum.Sum(nil))
	return out
}
