package sync

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/alert-history/refresh-sidecar/internal/source"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// apiServer holds the Secrets of one namespace at each version that there was.
type apiServer struct {
	namespace string
	versions  []map[string]source.Secret // by key
	events    []source.Event             // events[i] led to versions[i+1]
}

// listing is the answer of a LIST at a version.
func (a *apiServer) listing(version int) source.Listing {
	l := source.Listing{Namespace: a.namespace, ResourceVersion: fmt.Sprint(version + 1)}
	for _, key := range slices.Sorted(maps.Keys(a.versions[version])) {
		l.Secrets = append(l.Secrets, a.versions[version][key])
	}
	return l
}

// step changes one Secret: it is created, edited, broken, mended, renamed, deleted, or deleted and created again.
func (a *apiServer) step(r *rand.Rand, t *testing.T) {
	next := maps.Clone(a.versions[len(a.versions)-1])
	version := fmt.Sprint(len(a.versions) + 1)
	e := source.Event{Namespace: a.namespace, Kind: source.Bookmark, ResourceVersion: version}
	key := fmt.Sprintf("%s/%d", a.namespace, r.IntN(5))
	old, known := next[key]
	switch {
	case r.IntN(8) == 0:
	case known && r.IntN(3) == 0:
		delete(next, key)
		e.Kind, e.Secret = source.Delete, source.Secret{Key: key, UID: old.UID, ResourceVersion: version}
	default:
		s := source.Secret{Key: key, UID: old.UID, ResourceVersion: version, Created: old.Created}
		if !known {
			s.UID, s.Created = key+version, time.Unix(int64(r.IntN(3)), 0)
		}
		if r.IntN(4) == 0 {
			s.Fault = &source.Fault{Reason: targetsfile.RejectParse, Problems: []source.Problem{{Rule: "must be JSON"}}}
		} else {
			var err error
			s.Entry, err = targetsfile.NewEntry(targetsfile.Target{
				Name: string(rune('p' + r.IntN(5))), URL: "https://" + string(rune('p'+r.IntN(3))), Secret: key, SecretUID: s.UID})
			if err != nil {
				t.Fatal(err)
			}
		}
		next[key] = s
		e.Kind, e.Secret = source.Upsert, s
	}
	a.versions, a.events = append(a.versions, next), append(a.events, e)
}

// follows is how an apiServer is followed: a watch that lags behind, and LISTs that take their time.
type follows struct {
	*apiServer
	seen int             // events delivered
	read *source.Listing // by the refresh that runs; nil: not yet
}

// TestAnySequenceOfEventsEqualsAList: whatever happens to Secrets, however late the watch is, whenever a LIST begins and ends and whenever
// is published, a document is what merging a LIST of the state that the catalogue has reached into the one before would have been.
func TestAnySequenceOfEventsEqualsAList(t *testing.T) {
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 2))
		namespaces := []string{"m", "n"}
		c := newCatalogue(namespaces)
		var all []*follows
		for _, namespace := range namespaces {
			all = append(all, &follows{apiServer: &apiServer{namespace: namespace, versions: []map[string]source.Secret{{}}}})
		}
		var last *targetsfile.Document
		refreshing := false
		for range 200 {
			f := all[r.IntN(2)]
			switch r.IntN(6) {
			case 0, 1:
				f.step(r, t)
			case 2, 3:
				f.deliver(c)
			case 4:
				refreshing = refresh(c, all, f, refreshing)
			case 5:
				last = publishBoth(t, seed, c, all, last, r.IntN(5) > 0)
			}
		}
	}
}

// deliver passes the next event to the catalogue, as the loop does.
func (f *follows) deliver(c *catalogue) {
	if f.seen == len(f.events) {
		return
	}
	f.seen++
	c.apply(f.events[f.seen-1])
}

// refresh takes a refresh one step further: it begins, reads a namespace after the other, and ends.
func refresh(c *catalogue, all []*follows, f *follows, refreshing bool) bool {
	if !refreshing {
		c.beginList()
		return true
	}
	if f.read == nil {
		l := f.apiServer.listing(len(f.versions) - 1)
		f.read = &l
	}
	if slices.ContainsFunc(all, func(f *follows) bool { return f.read == nil }) {
		return true
	}
	for _, f := range all {
		c.replace(*f.read, time.Unix(9, 0))
		f.read = nil
	}
	c.endList()
	return false
}

// publishBoth merges the catalogue, and one that was listed at the same versions, and compares.
func publishBoth(t *testing.T, seed uint64, c *catalogue, all []*follows, last *targetsfile.Document, keep bool) *targetsfile.Document {
	t.Helper()
	listed := newCatalogue(c.namespaces)
	for _, f := range all {
		known := c.known[f.namespace]
		if known == nil {
			continue
		}
		var version int
		if _, err := fmt.Sscan(known.version, &version); err != nil {
			t.Fatal(err)
		}
		listed.replace(f.apiServer.listing(version-1), time.Unix(9, 0))
	}
	now := time.Unix(9, 0)
	got, want := merge(last, c, keep, now), merge(last, listed, keep, now)
	if diff := cmp.Diff(want.show(), got.show()); diff != "" {
		t.Fatalf("seed %d: (-listed +followed):\n%s", seed, diff)
	}
	if targetsfile.Checksum(got.entries) != targetsfile.Checksum(want.entries) || !slices.Equal(got.versions, want.versions) {
		t.Fatalf("seed %d: other bytes or versions for %s", seed, got.show())
	}
	return got.document()
}
