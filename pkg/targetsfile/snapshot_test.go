package targetsfile_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// mixed returns a document with targets of two types.
func mixed(t testing.TB) *targetsfile.Document {
	t.Helper()
	doc := document(t, 3, "a", "b", "c", "d")
	for _, i := range []int{1, 3} {
		hook := target(doc.Entries[i].Name)
		hook.Type = "webhook"
		doc.Entries[i] = entry(t, hook)
	}
	doc.Checksum = targetsfile.Checksum(doc.Entries)
	doc.Discovered, doc.Invalid = 5, 1
	doc.Rejections = []targetsfile.Rejection{{
		Secret: "alert-history/x", Reason: targetsfile.RejectParse, Message: "no known key", Serving: targetsfile.ServingNothing,
	}}
	return doc
}

func names(targets func(yield func(targetsfile.Target) bool)) []string {
	list := []string{}
	for t := range targets {
		list = append(list, t.Name)
	}
	return list
}

func TestSnapshotLookups(t *testing.T) {
	path := published(t, mixed(t))
	r := open(t, path, targetsfile.WithoutWatch())
	s := r.Snapshot()
	for _, test := range []struct {
		name      string
		got, want []string
	}{
		{"All", names(s.All()), []string{"a", "b", "c", "d"}},
		{"All of the reader", names(r.All()), []string{"a", "b", "c", "d"}},
		{"ByType", names(s.ByType("webhook")), []string{"b", "d"}},
		{"ByType of the reader", names(r.ByType("slack")), []string{"a", "c"}},
		{"ByType of a type without targets", names(s.ByType("rootly")), []string{}},
	} {
		if !slices.Equal(test.got, test.want) {
			t.Errorf("%s: got %v, want %v", test.name, test.got, test.want)
		}
	}
	for range s.ByType("slack") {
		break // a range may end early
	}
	if got, ok := s.Get("b"); !ok || got.Type != "webhook" || got.Headers["Authorization"] != "Bearer "+canary {
		t.Errorf("Get: got %v and %t, want the whole target", got, ok)
	}
	if got, ok := s.Get("x"); ok || got.Name != "" {
		t.Errorf("Get of an unknown name: got %v and %t, want nothing", got, ok)
	}
}

func TestSnapshotTellsOfItsDocument(t *testing.T) {
	doc := mixed(t)
	path := published(t, doc)
	s := open(t, path, targetsfile.WithoutWatch()).Snapshot()
	for _, test := range []struct {
		name      string
		got, want any
	}{
		{"Len", s.Len(), 4},
		{"Epoch", s.Epoch(), doc.Epoch},
		{"Generation", s.Generation(), doc.Generation},
		{"Checksum", s.Checksum(), doc.Checksum},
		{"ChangedAt", s.ChangedAt(), doc.ChangedAt},
		{"RefreshedAt", s.RefreshedAt(), doc.RefreshedAt},
		{"StaleAfter", s.StaleAfter(), doc.StaleAfter},
		{"Source", s.Source(), doc.Source},
		{"Discovered", s.Discovered(), 5},
		{"Valid", s.Valid(), 4},
		{"Invalid", s.Invalid(), 1},
		{"Rejections", s.Rejections(), doc.Rejections},
		{"String", s.String(), "snapshot of 4 targets, generation 3"},
		{"LogValue", s.LogValue().String(), "snapshot of 4 targets, generation 3"},
	} {
		if !reflect.DeepEqual(test.got, test.want) {
			t.Errorf("%s: got %v, want %v", test.name, test.got, test.want)
		}
	}
}

func TestGetDoesNotAllocate(t *testing.T) {
	path := published(t, mixed(t))
	r := open(t, path, targetsfile.WithoutWatch())
	for _, test := range []struct {
		name string
		want error
	}{
		{"a", nil},
		{"unknown", targetsfile.ErrNotFound},
	} {
		var err error
		allocs := testing.AllocsPerRun(100, func() { _, err = r.Get(test.name) })
		if allocs != 0 || err != test.want {
			t.Errorf("%s: got %v allocations and error %v, want 0 and %v", test.name, allocs, err, test.want)
		}
	}
}

func TestEnabledLeavesOutWhatIsDisabled(t *testing.T) {
	off := target("b")
	off.Enabled = false
	s := snapshot(t, target("a"), off, target("c"))
	if got := names(s.Enabled()); !slices.Equal(got, []string{"a", "c"}) {
		t.Errorf("got %v, want a and c", got)
	}
	for got := range s.Enabled() {
		if got.Name != "a" {
			t.Errorf("got %v, want a and no more", got)
		}
		break
	}
	if got := names(s.All()); len(got) != 3 || s.Len() != 3 || len(names(s.ByType("slack"))) != 3 {
		t.Errorf("got %v, want all lists with the disabled one", got)
	}
	if _, ok := s.Get("b"); !ok {
		t.Error("got no disabled target, want it")
	}
}

// A consumer's first change has no From, and asking it is no mistake.
func TestNilSnapshotAnswers(t *testing.T) {
	var s *targetsfile.Snapshot
	if got := s.String(); got != "no snapshot" {
		t.Errorf("got %q, want no snapshot", got)
	}
	source := s.Source()
	if s.Generation() != 0 || s.Epoch() != "" || s.Checksum() != "" || !s.ChangedAt().IsZero() || !s.RefreshedAt().IsZero() ||
		!s.StaleAfter().IsZero() || source.Kind != "" || s.Discovered()+s.Valid()+s.Invalid()+s.Len() != 0 || s.Rejections() != nil {
		t.Error("got something, want zero values")
	}
	if _, ok := s.Get("a"); ok || len(names(s.All()))+len(names(s.Enabled()))+len(names(s.ByType("slack"))) != 0 {
		t.Error("got a target, want none")
	}
}
