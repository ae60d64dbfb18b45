package sync

import (
	"cmp"
	"slices"
	"strings"

	"github.com/alert-history/refresh-sidecar/internal/source"
)

// allNamespaces is the name under which a catalogue holds Secrets that are listed for all namespaces at once, or from manifests.
const allNamespaces = ""

// catalogue is what is known of every labelled Secret. LISTs replace a namespace of it, events change single Secrets.
type catalogue struct {
	namespaces []string
	known      map[string]*knownNamespace // absent: has not answered
	ordered    []*source.Secret           // all, by claimed name, then by key: merge goes through them once
}

// knownNamespace is what is known of one namespace at one version.
type knownNamespace struct {
	version string // resourceVersion of the last LIST, or of a later event
	secrets map[string]*source.Secret
}

func newCatalogue(namespaces []string) *catalogue {
	return &catalogue{namespaces: namespaces, known: map[string]*knownNamespace{}}
}

// claimedName is the name that a Secret claims by its present content, "" if it yields no target.
func claimedName(s *source.Secret) string {
	if s.Entry == nil {
		return ""
	}
	return s.Entry.Name
}

func byClaim(a, b *source.Secret) int {
	return cmp.Or(strings.Compare(claimedName(a), claimedName(b)), strings.Compare(a.Key, b.Key))
}

// replace sets a namespace to what was listed, followed by those of the events since the LIST began that are newer than it. It returns
// the Secrets that were not known with the same content. What is known of an unchanged Secret stays, so that documents go on sharing
// its entry.
func (c *catalogue) replace(l source.Listing, since map[string]source.Event) (news []*source.Secret) {
	before := c.known[l.Namespace]
	after := &knownNamespace{version: l.ResourceVersion, secrets: make(map[string]*source.Secret, len(l.Secrets))}
	note := func(s *source.Secret) {
		var old *source.Secret
		if before != nil {
			old = before.secrets[s.Key]
		}
		switch {
		case old == nil || !sameContent(old, s):
			news = append(news, s)
		case s.ResourceVersion != "":
			s = old
		}
		after.secrets[s.Key] = s
	}
	for i := range l.Secrets {
		note(&l.Secrets[i])
	}
	for key, e := range since {
		switch {
		case !source.Newer(e.ResourceVersion, l.ResourceVersion):
			continue
		case e.Kind == source.Delete:
			delete(after.secrets, key)
		default:
			note(&e.Secret)
		}
		if source.Newer(e.ResourceVersion, after.version) {
			after.version = e.ResourceVersion
		}
	}
	c.known[l.Namespace] = after
	c.order()
	return news
}

// order brings all Secrets into order anew.
func (c *catalogue) order() {
	c.ordered = slices.Grow(c.ordered[:0], c.size())
	for _, namespace := range c.known {
		for _, s := range namespace.secrets {
			c.ordered = append(c.ordered, s)
		}
	}
	slices.SortFunc(c.ordered, byClaim)
}

// apply enters an event and reports whether it changed anything: one that is not newer than what is known does not.
func (c *catalogue) apply(e source.Event) bool {
	known := c.known[e.Namespace]
	if known == nil || !source.Newer(e.ResourceVersion, known.version) {
		return false
	}
	known.version = e.ResourceVersion
	if e.Kind != source.Upsert && e.Kind != source.Delete {
		return false
	}
	old := known.secrets[e.Secret.Key]
	if old != nil {
		if i, found := slices.BinarySearchFunc(c.ordered, old, byClaim); found {
			c.ordered = slices.Delete(c.ordered, i, i+1)
		}
		delete(known.secrets, e.Secret.Key)
	}
	if e.Kind == source.Delete {
		return old != nil
	}
	known.secrets[e.Secret.Key] = &e.Secret
	i, _ := slices.BinarySearchFunc(c.ordered, &e.Secret, byClaim)
	c.ordered = slices.Insert(c.ordered, i, &e.Secret)
	return true
}

// sameContent goes by the resourceVersion; a manifest has none, so there its faults and warnings decide.
func sameContent(a, b *source.Secret) bool {
	if a.ResourceVersion != "" || b.ResourceVersion != "" {
		return a.UID == b.UID && a.ResourceVersion == b.ResourceVersion
	}
	return slices.Equal(a.Warnings, b.Warnings)
}

// split returns the Secrets that yield no target, and those that do in the order of their names.
func (c *catalogue) split() (faulty, named []*source.Secret) {
	first := slices.IndexFunc(c.ordered, func(s *source.Secret) bool { return s.Entry != nil })
	if first < 0 {
		return c.ordered, nil
	}
	return c.ordered[:first], c.ordered[first:]
}

// complete reports whether every namespace has answered.
func (c *catalogue) complete() bool { return len(c.known) == len(c.namespaces) }

// unanswered reports whether a Secret, given as namespace/name, belongs to a namespace that has not answered.
func (c *catalogue) unanswered(secret string) bool {
	namespace, _, _ := strings.Cut(secret, "/")
	if len(c.namespaces) == 1 && c.namespaces[0] == allNamespaces {
		namespace = allNamespaces
	}
	return c.known[namespace] == nil
}

// count returns the number of Secrets known in a namespace.
func (c *catalogue) count(namespace string) int {
	if c.known[namespace] == nil {
		return 0
	}
	return len(c.known[namespace].secrets)
}

// size returns the number of Secrets known.
func (c *catalogue) size() (n int) {
	for _, namespace := range c.known {
		n += len(namespace.secrets)
	}
	return n
}
