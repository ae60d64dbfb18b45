package sync

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/alert-history/refresh-sidecar/internal/source"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// world describes Secrets in short: "key" is ns/name, "says" is the target's name or "!" for a fault, age orders creation.
type world []short

type short struct {
	key, says string
	uid       string // empty: one of the key
	age       int    // higher is older
}

func (w world) catalogue(namespaces ...string) *catalogue {
	c := newCatalogue(namespaces)
	byNamespace := map[string][]source.Secret{}
	for _, s := range w {
		namespace, _, _ := strings.Cut(s.key, "/")
		secret := source.Secret{Key: s.key, UID: s.uid, ResourceVersion: "1", Created: time.Unix(1000-int64(s.age), 0)}
		if secret.UID == "" {
			secret.UID = "uid-" + s.key
		}
		if s.says == "!" {
			secret.Fault = &source.Fault{Reason: targetsfile.RejectParse, Problems: []source.Problem{{Rule: "must be JSON"}}}
		} else {
			e, err := targetsfile.NewEntry(targetsfile.Target{Name: s.says, URL: "https://" + s.key, Secret: s.key, SecretUID: secret.UID})
			if err != nil {
				panic(err)
			}
			secret.Entry = e
		}
		byNamespace[namespace] = append(byNamespace[namespace], secret)
	}
	for _, n := range namespaces {
		c.replace(source.Listing{Namespace: n, ResourceVersion: "1", Secrets: byNamespace[n]}, time.Unix(9, 0))
	}
	return c
}

// document makes what merge found into the last published document.
func (m merged) document() *targetsfile.Document {
	d := &targetsfile.Document{Entries: m.entries, Discovered: m.discovered, Valid: m.valid, Invalid: m.discovered - m.valid}
	for _, r := range m.rejections {
		d.Rejections = append(d.Rejections, r.Rejection)
	}
	return d
}

// show lists name=key of each target, with ' if stale, then key:reason:serving of each rejection, then the counts.
func (m merged) show() string {
	var parts []string
	for _, e := range m.entries {
		mark := ""
		if !e.StaleSince.IsZero() {
			mark = "'"
		}
		parts = append(parts, e.Name+mark+"="+e.Secret)
	}
	for _, r := range m.rejections {
		parts = append(parts, r.Secret+":"+r.Reason+":"+r.Serving)
	}
	return strings.Join(append(parts, fmt.Sprintf("%d/%d", m.valid, m.discovered)), " ")
}

func TestMerge(t *testing.T) {
	cases := map[string]struct {
		drop   bool
		worlds []world // one after the other, each published
		want   string  // of the last
	}{
		"everything valid": {
			worlds: []world{{{key: "n/a", says: "x"}, {key: "n/b", says: "y"}}},
			want:   "x=n/a y=n/b 2/2",
		},
		"a typo keeps the last good target": {
			worlds: []world{{{key: "n/a", says: "x"}}, {{key: "n/a", says: "!"}}},
			want:   "x'=n/a n/a:parse:last_good 0/1",
		},
		"a typo drops it with --on-invalid=drop": {
			drop:   true,
			worlds: []world{{{key: "n/a", says: "x"}}, {{key: "n/a", says: "!"}}},
			want:   "n/a:parse:nothing 0/1",
		},
		"broken from the start serves nothing": {
			worlds: []world{{{key: "n/a", says: "!"}}},
			want:   "n/a:parse:nothing 0/1",
		},
		"mended": {
			worlds: []world{{{key: "n/a", says: "x"}}, {{key: "n/a", says: "!"}}, {{key: "n/a", says: "z"}}},
			want:   "z=n/a 1/1",
		},
		"a deleted Secret's target goes": {
			worlds: []world{{{key: "n/a", says: "x"}, {key: "n/b", says: "y"}}, {{key: "n/b", says: "y"}}},
			want:   "y=n/b 1/1",
		},
		"deleted and created again broken: another Secret, nothing to keep": {
			worlds: []world{{{key: "n/a", says: "x"}}, {{key: "n/a", says: "!", uid: "other"}}},
			want:   "n/a:parse:nothing 0/1",
		},
		"of two claims at once the oldest wins": {
			worlds: []world{{{key: "n/a", says: "x"}, {key: "n/b", says: "x", age: 5}}},
			want:   "x=n/b n/a:duplicate:nothing 1/2",
		},
		"of two as old the first by name wins": {
			worlds: []world{{{key: "n/b", says: "x"}, {key: "n/a", says: "x"}}},
			want:   "x=n/a n/b:duplicate:nothing 1/2",
		},
		"the holder wins against an older one": {
			worlds: []world{{{key: "n/a", says: "x"}}, {{key: "n/a", says: "x"}, {key: "n/b", says: "x", age: 5}}},
			want:   "x=n/a n/b:duplicate:nothing 1/2",
		},
		"a broken holder keeps its name": {
			worlds: []world{{{key: "n/a", says: "x"}}, {{key: "n/a", says: "!"}, {key: "n/b", says: "x", age: 5}}},
			want:   "x'=n/a n/a:parse:last_good n/b:duplicate:nothing 0/2",
		},
		"a loser falls back to its last good name": {
			worlds: []world{{{key: "n/a", says: "x"}, {key: "n/b", says: "y"}}, {{key: "n/a", says: "x"}, {key: "n/b", says: "x"}}},
			want:   "x=n/a y'=n/b n/b:duplicate:last_good 1/2",
		},
		"a loser drops out with --on-invalid=drop": {
			drop:   true,
			worlds: []world{{{key: "n/a", says: "x"}, {key: "n/b", says: "y"}}, {{key: "n/a", says: "x"}, {key: "n/b", says: "x"}}},
			want:   "x=n/a n/b:duplicate:nothing 1/2",
		},
		"a loser whose last good name is taken serves nothing": {
			worlds: []world{
				{{key: "n/a", says: "x"}, {key: "n/b", says: "y"}},
				{{key: "n/a", says: "x"}, {key: "n/b", says: "x"}, {key: "n/c", says: "z"}},
				{{key: "n/a", says: "x"}, {key: "n/b", says: "x"}, {key: "n/c", says: "y"}},
			},
			want: "x=n/a y=n/c n/b:duplicate:nothing 2/3",
		},
		"when the holder goes the next takes over at once": {
			worlds: []world{
				{{key: "n/a", says: "x"}, {key: "n/b", says: "y"}},
				{{key: "n/a", says: "x"}, {key: "n/b", says: "x"}},
				{{key: "n/b", says: "x"}},
			},
			want: "x=n/b 1/1",
		},
		"two Secrets swap names, one after the other": {
			worlds: []world{
				{{key: "n/a", says: "x"}, {key: "n/b", says: "y"}},
				{{key: "n/a", says: "y"}, {key: "n/b", says: "y"}},
				{{key: "n/a", says: "y"}, {key: "n/b", says: "x"}},
			},
			want: "x=n/b y=n/a 2/2",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var last *targetsfile.Document
			var got merged
			for i, w := range c.worlds {
				got = merge(last, w.catalogue("n"), !c.drop, time.Unix(int64(2000+i), 0))
				last = got.document()
			}
			if got.show() != c.want {
				t.Errorf("got  %s\nwant %s", got.show(), c.want)
			}
		})
	}
}

func TestMergeCarriesNamespacesThatHaveNotAnswered(t *testing.T) {
	both := world{{key: "n/a", says: "x"}, {key: "m/b", says: "y"}, {key: "m/c", says: "!"}}.catalogue("m", "n")
	before := merge(nil, both, true, time.Unix(1, 0))
	restarted := world{{key: "n/a", says: "y"}}.catalogue("n")
	restarted.namespaces = []string{"m", "n"} // m has not answered
	got := merge(before.document(), restarted, true, time.Unix(2, 0))
	if want := "x'=n/a y=m/b m/c:parse:nothing n/a:duplicate:last_good 1/3"; got.show() != want {
		t.Errorf("got  %s\nwant %s", got.show(), want)
	}
}

// TestMergeProperties holds for any sequence of worlds: names are unique and sorted, counts add up, the order of Secrets does not
// matter, merging again changes nothing, and no Secret that lives loses its last target.
func TestMergeProperties(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		var last *targetsfile.Document
		for range 6 {
			w := randomWorld(r)
			got := merge(last, w.catalogue("n"), true, time.Unix(5, 0))
			shuffled := slices.Clone(w)
			r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			if diff := cmp.Diff(got.show(), merge(last, shuffled.catalogue("n"), true, time.Unix(6, 0)).show()); diff != "" {
				t.Fatalf("seed %d: the order of Secrets matters:\n%s", seed, diff)
			}
			again := merge(got.document(), w.catalogue("n"), true, time.Unix(7, 0))
			if diff := cmp.Diff(got.show(), again.show()); diff != "" {
				t.Fatalf("seed %d: merging again changes the result:\n%s", seed, diff)
			}
			if targetsfile.Checksum(got.entries) != targetsfile.Checksum(again.entries) {
				t.Fatalf("seed %d: merging again changes bytes", seed)
			}
			for i := range got.entries[min(1, len(got.entries)):] {
				if got.entries[i].Name >= got.entries[i+1].Name {
					t.Fatalf("seed %d: names are not unique and ascending: %s", seed, got.show())
				}
			}
			if got.valid+len(got.rejections) != got.discovered || got.discovered != len(w) {
				t.Fatalf("seed %d: counts do not add up: %s", seed, got.show())
			}
			expectNothingLost(t, last, got, w)
			last = got.document()
		}
	}
}

// expectNothingLost checks that of every target whose Secret still exists the Secret serves one, or another Secret took the name over.
func expectNothingLost(t *testing.T, last *targetsfile.Document, got merged, w world) {
	t.Helper()
	if last == nil {
		return
	}
	serves := map[string]bool{}
	for _, e := range got.entries {
		serves[e.Secret], serves[e.Name] = true, true
	}
	for _, e := range last.Entries {
		lives := slices.ContainsFunc(w, func(s short) bool { return s.key == e.Secret })
		if lives && !serves[e.Secret] && !serves[e.Name] {
			t.Fatalf("Secret %s exists and lost its target %s: %s", e.Secret, e.Name, got.show())
		}
	}
}

func randomWorld(r *rand.Rand) (w world) {
	for i := range 6 {
		if r.IntN(4) == 0 {
			continue
		}
		says := string(rune('p' + r.IntN(5)))
		if r.IntN(4) == 0 {
			says = "!"
		}
		w = append(w, short{key: fmt.Sprintf("n/%d", i), says: says, age: r.IntN(3)})
	}
	return w
}
