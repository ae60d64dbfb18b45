package sync

import (
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/alert-history/refresh-sidecar/internal/discovery"
)

// allNamespaces is the name under which a catalogue holds Secrets that are listed for all namespaces at once, or from manifests.
const allNamespaces = ""

// catalogue is what is known of every labelled Secret, by namespace and key. A namespace that has not answered is absent.
type catalogue struct {
	namespaces []string
	known      map[string]map[string]*discovery.Secret
}

func newCatalogue(namespaces []string) *catalogue {
	return &catalogue{namespaces: namespaces, known: map[string]map[string]*discovery.Secret{}}
}

// replace sets a namespace to what was listed, and returns those Secrets that were not known with the same content.
func (c *catalogue) replace(l discovery.Listing) (news []*discovery.Secret) {
	before := c.known[l.Namespace]
	after := make(map[string]*discovery.Secret, len(l.Secrets))
	for i := range l.Secrets {
		s := &l.Secrets[i]
		after[s.Key] = s
		if old := before[s.Key]; old == nil || !sameContent(old, s) {
			news = append(news, s)
		}
	}
	c.known[l.Namespace] = after
	return news
}

// sameContent goes by the resourceVersion; a manifest has none, so there its faults and warnings decide.
func sameContent(a, b *discovery.Secret) bool {
	if a.ResourceVersion != "" || b.ResourceVersion != "" {
		return a.UID == b.UID && a.ResourceVersion == b.ResourceVersion
	}
	return slices.Equal(a.Warnings, b.Warnings)
}

// complete reports whether every namespace has answered.
func (c *catalogue) complete() bool { return len(c.known) == len(c.namespaces) }

// unanswered reports whether a Secret, given as namespace/name, belongs to a namespace that has not answered.
func (c *catalogue) unanswered(secret string) bool {
	namespace, _, _ := strings.Cut(secret, "/")
	if len(c.namespaces) == 1 && c.namespaces[0] == allNamespaces {
		namespace = allNamespaces
	}
	_, answered := c.known[namespace]
	return !answered
}

// secrets yields all Secrets, in no order.
func (c *catalogue) secrets() iter.Seq[*discovery.Secret] {
	return func(yield func(*discovery.Secret) bool) {
		for _, secrets := range c.known {
			for s := range maps.Values(secrets) {
				if !yield(s) {
					return
				}
			}
		}
	}
}

// count returns the number of Secrets known in a namespace.
func (c *catalogue) count(namespace string) int { return len(c.known[namespace]) }

// size returns the number of Secrets known.
func (c *catalogue) size() (n int) {
	for _, secrets := range c.known {
		n += len(secrets)
	}
	return n
}
