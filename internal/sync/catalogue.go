package sync

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/alert-history/refresh-sidecar/internal/source"
)

// allNamespaces is the name under which a catalogue holds Secrets that are listed for all namespaces at once, or from manifests.
const allNamespaces = ""

// catalogue is what is known of every labelled Secret. A LIST replaces what is known of a namespace, an event changes one Secret.
type catalogue struct {
	namespaces []string
	known      map[string]*knownNamespace // absent: has not answered
	errors     map[string]string          // by namespace: why its last LIST failed; absent: it succeeded, or there was none
	deniedFrom map[string]time.Time       // by namespace: since when its LISTs are answered with 401 or 403; absent: the last one was not
	ordered    []*source.Secret           // all, by claimed name, then by key: merge goes through them once

	// vacated holds, by name, the Secret that held it until a moment ago, as far as the name has gone to no other since.
	vacated map[string]vacancy

	// duringList holds, by namespace and key, the last event of each Secret while a LIST runs, whose answer may be older. Nil: none runs.
	duringList map[string]map[string]source.Event
	// beforeList holds, by namespace, the version that was known when the LIST began: one that is older shows that the server has gone back.
	beforeList map[string]string
}

// knownNamespace is what is known of one namespace at one version.
type knownNamespace struct {
	listedAt time.Time // end of the last LIST that succeeded
	version  string    // resourceVersion of that LIST, or of a later event
	secrets  map[string]*source.Secret
}

func newCatalogue(namespaces []string) *catalogue {
	return &catalogue{namespaces: namespaces, known: map[string]*knownNamespace{}, errors: map[string]string{}, deniedFrom: map[string]time.Time{},
		vacated: map[string]vacancy{}}
}

// vacancy is a name whose holder went.
type vacancy struct {
	secret string // namespace/name of the holder
	since  time.Time
}

// beginList has events remembered, for the answer of the LIST that begins.
func (c *catalogue) beginList() {
	c.duringList, c.beforeList = map[string]map[string]source.Event{}, make(map[string]string, len(c.known))
	for namespace, known := range c.known {
		c.beforeList[namespace] = known.version
	}
}

// endList forgets them.
func (c *catalogue) endList() { c.duringList, c.beforeList = nil, nil }

// fail takes in that a namespace's LIST failed: what was known of it stays.
func (c *catalogue) fail(namespace string, f *failure) {
	c.errors[namespace] = f.err.Error()
	if since := c.deniedFrom[namespace]; f.denied && since.IsZero() {
		c.deniedFrom[namespace] = time.Now()
	} else if !f.denied {
		delete(c.deniedFrom, namespace)
	}
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
//
// A LIST that is older than what was known when it began is the present all the same: the server has gone back, and events of its former
// future are not applied again.
func (c *catalogue) replace(l source.Listing, at time.Time) (news []*source.Secret, wentBack bool) {
	delete(c.errors, l.Namespace)
	delete(c.deniedFrom, l.Namespace)
	before := c.known[l.Namespace]
	since := c.duringList[l.Namespace]
	if wentBack = source.Newer(c.beforeList[l.Namespace], l.ResourceVersion); wentBack {
		since = nil
	}
	after := &knownNamespace{listedAt: at, version: l.ResourceVersion, secrets: make(map[string]*source.Secret, len(l.Secrets))}
	note := func(s *source.Secret) {
		var old *source.Secret
		if before != nil {
			old = before.secrets[s.Key]
		}
		if old == nil || !sameContent(old, s) {
			own := *s // a pointer into the listing would keep all of it
			s = &own
			news = append(news, s)
		} else {
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
	return news, wentBack
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
	if c.duringList != nil && e.Kind != source.Bookmark {
		if c.duringList[e.Namespace] == nil {
			c.duringList[e.Namespace] = map[string]source.Event{}
		}
		c.duringList[e.Namespace][e.Secret.Key] = e
	}
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

// sameContent compares what was made of two Secrets. The resourceVersion alone does not tell: after a restore of etcd an object can have a
// version that it had before, with other content. A manifest has none.
func sameContent(a, b *source.Secret) bool {
	return a.UID == b.UID && a.ResourceVersion == b.ResourceVersion && slices.Equal(a.Warnings, b.Warnings) &&
		(a.Entry == b.Entry || a.Entry != nil && b.Entry != nil && a.Entry.Equal(b.Entry)) &&
		(a.Fault == b.Fault || a.Fault != nil && b.Fault != nil && a.Fault.Message() == b.Fault.Message())
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

// listedAs returns the namespace by which a Secret, given as namespace/name, is listed.
func (c *catalogue) listedAs(secret string) string {
	if len(c.namespaces) == 1 && c.namespaces[0] == allNamespaces {
		return allNamespaces
	}
	return namespaceOf(secret)
}

// unanswered reports whether a Secret, given as namespace/name, belongs to a namespace that has not answered.
func (c *catalogue) unanswered(secret string) bool { return c.known[c.listedAs(secret)] == nil }

// forbidden reports whether a Secret, given as namespace/name, belongs to a namespace that is refused for longer than a new token or a new
// role takes to be seen.
func (c *catalogue) forbidden(secret string, now time.Time) bool {
	since := c.deniedFrom[c.listedAs(secret)]
	return !since.IsZero() && now.Sub(since) >= deniedConfirmation
}

// has reports whether this is the content of a Secret that is known now.
func (c *catalogue) has(s *source.Secret) bool {
	i, found := slices.BinarySearchFunc(c.ordered, s, byClaim)
	return found && sameContent(c.ordered[i], s)
}

// oldestList is the end of the LIST that is the longest ago among the namespaces' last ones. All have answered.
func (c *catalogue) oldestList() time.Time {
	oldest := c.known[c.namespaces[0]].listedAt
	for _, known := range c.known {
		if known.listedAt.Before(oldest) {
			oldest = known.listedAt
		}
	}
	return oldest
}

// status is what a status says of the namespaces.
func (c *catalogue) status() []NamespaceStatus {
	out := make([]NamespaceStatus, len(c.namespaces))
	for i, name := range c.namespaces {
		out[i] = NamespaceStatus{Name: name, Error: c.errors[name]}
		if known := c.known[name]; known != nil {
			out[i].Secrets, out[i].LastSuccess = len(known.secrets), known.listedAt
		}
	}
	return out
}

// size returns the number of Secrets known.
func (c *catalogue) size() (n int) {
	for _, namespace := range c.known {
		n += len(namespace.secrets)
	}
	return n
}
