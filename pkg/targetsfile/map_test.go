package targetsfile_test

import (
	"iter"
	"strings"
	"testing"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

func TestMapIteratesLikeTheReader(t *testing.T) {
	off := target("b")
	off.Enabled = false
	doc := mixed(t) // a and c slack, b and d webhook
	off.Type = "webhook"
	doc.Entries[1] = entry(t, off)
	doc.Checksum = targetsfile.Checksum(doc.Entries)
	r := open(t, published(t, doc), targetsfile.WithoutWatch())
	m := targetsfile.Derive(r, func(x targetsfile.Target, _ string) (string, error) { return "of " + x.Name, nil }, nil)
	for _, test := range []struct {
		name string
		seq  iter.Seq2[targetsfile.Target, string]
		want string
	}{
		{"All", m.All(), "a b c d"},
		{"Enabled", m.Enabled(), "a c d"},
		{"ByType", m.ByType("webhook"), "b d"},
		{"ByType without targets", m.ByType("rootly"), ""},
	} {
		var got []string
		for x, value := range test.seq {
			got = append(got, x.Name)
			if value != "of "+x.Name {
				t.Errorf("%s: got %q for %s", test.name, value, x.Name)
			}
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: got %v, want %s", test.name, got, test.want)
		}
		for range test.seq {
			break // must be possible
		}
	}
	if allocs := testing.AllocsPerRun(100, func() { _, _ = m.Get("c") }); allocs != 0 {
		t.Errorf("got %v allocations by Get, want none", allocs)
	}
}
