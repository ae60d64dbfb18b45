package sync

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/alert-history/refresh-sidecar/internal/discovery"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// merged is the content of the next document, before it has a place in the sequence of published ones.
type merged struct {
	entries    []targetsfile.Entry
	versions   []string // resourceVersions of the entries' Secrets, in their order; "" for what is not a Secret's present content
	rejections []rejection
	discovered int
	valid      int
}

// rejection is a targetsfile.Rejection and the version of the Secret that earned it.
type rejection struct {
	targetsfile.Rejection
	version string
	carried bool // from the last document: its namespace has not answered
}

// claim is one Secret's claim to a target name.
type claim struct {
	id      string // the Secret's identity
	key     string // namespace/name
	created time.Time
	entry   *targetsfile.Entry
	secret  *discovery.Secret // nil: carried over from the last document, its namespace has not answered
}

// merge decides what is published: what the Secrets of the catalogue say now, and, with keepLastGood, what they said before where
// they say nothing usable now. It is a pure function, the same after a LIST and after an event; now only stamps what turns stale.
//
// Round 1: every Secret claims one name, its target's or else its last good one's. The Secret that holds the name in the last
// document wins it, otherwise the oldest. Round 2: a loser falls back to its last good target if that name is still free. So a typo
// or a clash takes no target away, and a name does not move while its holder lives.
func merge(last *targetsfile.Document, c *catalogue, keepLastGood bool, now time.Time) merged {
	m := merging{last: last, now: now, winners: make(map[string]*claim, c.size())}
	if keepLastGood && last != nil {
		m.lastGood = make(map[string]int, len(last.Entries))
		for i := range last.Entries {
			m.lastGood[entryID(&last.Entries[i])] = i
		}
	}
	m.carry(c)
	for i := range c.secrets() {
		m.claim(i)
	}
	for _, loser := range m.contend() {
		m.fallBack(loser)
	}
	return m.finish()
}

type merging struct {
	last     *targetsfile.Document
	now      time.Time
	lastGood map[string]int // a Secret's identity to its place in last.Entries
	claims   []*claim
	winners  map[string]*claim // by name
	out      merged
}

// carry claims for namespaces that have not answered yet what the last document has of them.
func (m *merging) carry(c *catalogue) {
	if m.last == nil {
		return
	}
	for i := range m.last.Entries {
		e := &m.last.Entries[i]
		if c.unanswered(e.Secret) {
			m.claims = append(m.claims, &claim{id: entryID(e), key: e.Secret, entry: e})
			if e.StaleSince.IsZero() {
				m.out.discovered++
				m.out.valid++
			}
		}
	}
	for _, r := range m.last.Rejections {
		if c.unanswered(r.Secret) {
			m.out.discovered++
			m.out.rejections = append(m.out.rejections, rejection{Rejection: r, carried: true})
		}
	}
}

// claim enters what a Secret claims, or rejects it if that is nothing.
func (m *merging) claim(s *discovery.Secret) {
	m.out.discovered++
	c := &claim{id: secretID(s), key: s.Key, created: s.Created, secret: s}
	if s.Entry != nil {
		c.entry = s.Entry
		m.claims = append(m.claims, c)
		return
	}
	good, ok := m.lastGoodOf(c.id)
	if !ok {
		m.reject(s, s.Fault.Reason, s.Fault.Message(), targetsfile.ServingNothing)
		return
	}
	m.reject(s, s.Fault.Reason, s.Fault.Message(), targetsfile.ServingLastGood)
	c.entry = good
	m.claims = append(m.claims, c)
}

// contend gives each name to one claim and returns the others.
func (m *merging) contend() (losers []*claim) {
	for _, c := range m.claims {
		if rival := m.winners[c.entry.Name]; rival == nil || m.beats(c, rival) {
			m.winners[c.entry.Name] = c
		}
	}
	for _, c := range m.claims {
		if m.winners[c.entry.Name] != c {
			losers = append(losers, c)
		}
	}
	return losers
}

func (m *merging) beats(c, rival *claim) bool {
	switch m.holder(c.entry.Name) {
	case c.id:
		return true
	case rival.id:
		return false
	}
	return cmp.Or(c.created.Compare(rival.created), cmp.Compare(c.key, rival.key)) < 0
}

// fallBack lets a Secret whose name is taken serve its last good target, and rejects it.
func (m *merging) fallBack(c *claim) {
	message := fmt.Sprintf("name: %q is taken by Secret %s: rename one of the two, or delete one", c.entry.Name, m.winners[c.entry.Name].key)
	serving := targetsfile.ServingNothing
	if good, ok := m.lastGoodOf(c.id); ok && m.winners[good.Name] == nil {
		m.winners[good.Name] = &claim{id: c.id, key: c.key, entry: good}
		serving = targetsfile.ServingLastGood
	}
	m.reject(c.secret, targetsfile.RejectDuplicate, message, serving)
}

// finish puts everything in the order of the file.
func (m *merging) finish() merged {
	winners := slices.SortedFunc(maps.Values(m.winners), func(a, b *claim) int { return cmp.Compare(a.entry.Name, b.entry.Name) })
	m.out.entries, m.out.versions = make([]targetsfile.Entry, len(winners)), make([]string, len(winners))
	for i, c := range winners {
		m.out.entries[i] = *c.entry
		if c.secret != nil && c.secret.Entry != nil {
			m.out.valid++
			m.out.versions[i] = c.secret.ResourceVersion
		}
	}
	slices.SortFunc(m.out.rejections, func(a, b rejection) int { return cmp.Compare(a.Secret, b.Secret) })
	return m.out
}

func (m *merging) reject(s *discovery.Secret, reason, message, serving string) {
	m.out.rejections = append(m.out.rejections, rejection{
		Rejection: targetsfile.Rejection{Secret: s.Key, Reason: reason, Message: message, Serving: serving},
		version:   s.ResourceVersion,
	})
}

// lastGoodOf returns a Secret's target in the last document, marked as stale.
func (m *merging) lastGoodOf(id string) (*targetsfile.Entry, bool) {
	i, ok := m.lastGood[id]
	if !ok {
		return nil, false
	}
	stale := m.last.Entries[i].Stale(m.now)
	return &stale, true
}

// holder returns the identity of the Secret that holds a name in the last document, or "".
func (m *merging) holder(name string) string {
	if m.last == nil {
		return ""
	}
	i, ok := slices.BinarySearchFunc(m.last.Entries, name, func(e targetsfile.Entry, name string) int {
		return strings.Compare(e.Name, name)
	})
	if !ok {
		return ""
	}
	return entryID(&m.last.Entries[i])
}

// secretID is what makes a Secret the same one over time: a Secret that was deleted and created again is another.
func secretID(s *discovery.Secret) string { return cmp.Or(s.UID, s.Key) }

func entryID(e *targetsfile.Entry) string { return cmp.Or(e.SecretUID, e.Secret) }
