package targetsfile_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// snapshot returns what a reader makes of a document with these targets, which must be ascending.
func snapshot(t testing.TB, targets ...targetsfile.Target) *targetsfile.Snapshot {
	t.Helper()
	doc := document(t, 1)
	for _, x := range targets {
		doc.Entries = append(doc.Entries, entry(t, x))
	}
	doc.Checksum = targetsfile.Checksum(doc.Entries)
	return open(t, published(t, doc), targetsfile.WithoutWatch()).Snapshot()
}

// told is a change in short: "+a" added, "-a" removed, "~a" updated.
func told(c targetsfile.Change) string {
	var list []string
	for _, x := range c.Added {
		list = append(list, "+"+x.Name)
	}
	for _, x := range c.Removed {
		list = append(list, "-"+x.Name)
	}
	for _, x := range c.Updated {
		list = append(list, "~"+x.New.Name)
	}
	return strings.Join(list, " ")
}

func TestDiff(t *testing.T) {
	list := func(names string) *targetsfile.Snapshot {
		var targets []targetsfile.Target
		for _, name := range strings.Fields(names) {
			targets = append(targets, target(name))
		}
		return snapshot(t, targets...)
	}
	for _, test := range []struct {
		name     string
		from, to *targetsfile.Snapshot
		want     string
	}{
		{"from nothing", nil, list("a b"), "+a +b"},
		{"to nothing", list("a b"), nil, "-a -b"},
		{"nothing at all", nil, nil, ""},
		{"from an empty list", list(""), list("a"), "+a"},
		{"to an empty list", list("a"), list(""), "-a"},
		{"no change", list("a b"), list("a b"), ""},
		{"one more in front", list("b"), list("a b"), "+a"},
		{"one more behind", list("a"), list("a b"), "+b"},
		{"one less in the middle", list("a b c"), list("a c"), "-b"},
		{"others altogether", list("a c e"), list("b d f"), "+b +d +f -a -c -e"},
		{"names of which one begins like another", list("a a-b b"), list("a ab b"), "+ab -a-b"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := targetsfile.Diff(test.from, test.to)
			if got.From != test.from || got.To != test.to || told(got) != test.want {
				t.Errorf("got %q from %v to %v, want %q", told(got), got.From, got.To, test.want)
			}
		})
	}
}

func TestDiffTellsOfEachFieldThatMattersToPublishing(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*targetsfile.Target)
		want   string
	}{
		{"type", func(x *targetsfile.Target) { x.Type = "webhook" }, "~a"},
		{"url", func(x *targetsfile.Target) { x.URL += "/" }, "~a"},
		{"format", func(x *targetsfile.Target) { x.PayloadFormat = "webhook" }, "~a"},
		{"enabled", func(x *targetsfile.Target) { x.Enabled = false }, "~a"},
		{"a header's value", func(x *targetsfile.Target) { x.Headers = map[string]string{"Authorization": "x"} }, "~a"},
		{"no headers", func(x *targetsfile.Target) { x.Headers = nil }, "~a"},
		{"filter config", func(x *targetsfile.Target) { x.FilterConfig = json.RawMessage(`{"min":1.5}`) }, "~a"},
		{"a number's text", func(x *targetsfile.Target) {
			x.FilterConfig = json.RawMessage(strings.Replace(string(x.FilterConfig), "1.50", "1.5", 1))
		}, "~a"},
		{"an extra key's value", func(x *targetsfile.Target) { x.Extra = map[string]json.RawMessage{"note": json.RawMessage("1")} }, "~a"},
		{"an extra key", func(x *targetsfile.Target) { x.Extra = nil }, "~a"},
		{"secret", func(x *targetsfile.Target) { x.Secret = "elsewhere/a" }, ""},
		{"secret_uid", func(x *targetsfile.Target) { x.SecretUID = "other" }, ""},
		{"stale_since", func(x *targetsfile.Target) { x.StaleSince = time.Unix(1, 0) }, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			changed := target("a")
			test.change(&changed)
			got := targetsfile.Diff(snapshot(t, target("a")), snapshot(t, changed))
			if told(got) != test.want {
				t.Errorf("got %q, want %q", told(got), test.want)
			}
			for _, update := range got.Updated {
				if update.Old.URL != target("a").URL || update.New.URL != changed.URL {
					t.Errorf("got %v and %v, want the old target and the new one", update.Old, update.New)
				}
			}
		})
	}
}

// An edit of the layout beside another change must not make all targets look updated.
func TestDiffIgnoresLayout(t *testing.T) {
	from := snapshot(t, target("a"))
	path := published(t, document(t, 2, "a", "b"))
	rename(t, path, layouts(t, encode(t, document(t, 2, "a", "b")))["indented"])
	to := open(t, path, targetsfile.WithoutWatch()).Snapshot()
	if got := told(targetsfile.Diff(from, to)); got != "+b" {
		t.Errorf("got %q, want +b", got)
	}
}

// A consumer may sort the lists of its change: the snapshot's are others.
func TestListsOfAChangeAreTheConsumers(t *testing.T) {
	s := snapshot(t, target("a"), target("b"))
	slices.Reverse(targetsfile.Diff(nil, s).Added)
	slices.Reverse(targetsfile.Diff(s, nil).Removed)
	if got, _ := s.Get("a"); got.Name != "a" {
		t.Errorf("got %v for a, want a", got)
	}
}

func TestChangeIsDescribedByItsCounts(t *testing.T) {
	c := targetsfile.Diff(nil, snapshot(t, target("a"), target("b")))
	for _, test := range []struct{ name, got, want string }{
		{"String", c.String(), "change to generation 1: 2 added, 0 removed, 0 updated"},
		{"LogValue", c.LogValue().String(), "[generation=1 added=2 removed=0 updated=0]"},
		{"to nothing", targetsfile.Diff(c.To, nil).String(), "change to generation 0: 0 added, 2 removed, 0 updated"},
	} {
		if test.got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, test.got, test.want)
		}
	}
}

// FuzzDiff reads two lists of targets from the input, byte by byte: which letter has a target, and in which of three versions. Folding
// the difference over the first must give the second, and a difference that goes back must undo it.
func FuzzDiff(f *testing.F) {
	f.Add([]byte{}, []byte{0, 4, 8})
	f.Add([]byte{0, 3, 6, 9}, []byte{1, 3, 12})
	f.Add([]byte("targets"), []byte("target"))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		from, to := lettered(t, first), lettered(t, second)
		change := targetsfile.Diff(from, to)
		held := fold(t, fold(t, map[string]string{}, targetsfile.Diff(nil, from)), change)
		if want := urls(to); !maps.Equal(held, want) {
			t.Errorf("folded: got %v, want %v", held, want)
		}
		if got, want := fold(t, held, targetsfile.Diff(to, from)), urls(from); !maps.Equal(got, want) {
			t.Errorf("folded back: got %v, want %v", got, want)
		}
		if got := told(targetsfile.Diff(to, lettered(t, second))); got != "" {
			t.Errorf("got %q between equal lists, want nothing", got)
		}
	})
}

func lettered(t testing.TB, list []byte) *targetsfile.Snapshot {
	versions := map[string]byte{}
	for _, b := range list {
		versions[string('a'+b/3%26)] = b % 3
	}
	var targets []targetsfile.Target
	for letter := 'a'; letter <= 'z'; letter++ {
		version, has := versions[string(letter)]
		if !has {
			continue
		}
		targets = append(targets, targetsfile.Target{Name: string(letter), URL: fmt.Sprintf("https://example.com/%d", version)})
	}
	return snapshot(t, targets...)
}

// fold applies a change to a consumer's own map, and checks that it fits what the consumer holds.
func fold(t testing.TB, held map[string]string, c targetsfile.Change) map[string]string {
	t.Helper()
	for _, x := range c.Removed {
		if held[x.Name] != x.URL {
			t.Errorf("removed %s, which was not held as it says", x.Name)
		}
		delete(held, x.Name)
	}
	for _, x := range c.Added {
		if _, has := held[x.Name]; has {
			t.Errorf("added %s, which was held already", x.Name)
		}
		held[x.Name] = x.URL
	}
	for _, x := range c.Updated {
		if held[x.Old.Name] != x.Old.URL || x.Old.Name != x.New.Name || x.Old.URL == x.New.URL {
			t.Errorf("updated %s, which was not held as it says", x.New.Name)
		}
		held[x.New.Name] = x.New.URL
	}
	return held
}

func urls(s *targetsfile.Snapshot) map[string]string {
	all := map[string]string{}
	for x := range s.All() {
		all[x.Name] = x.URL
	}
	return all
}
