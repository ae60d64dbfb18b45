package sync

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alert-history/refresh-sidecar/internal/source"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// merged is the content of the next document, before it has a place in the sequence of published ones.
type merged struct {
	entries    []*targetsfile.Entry
	versions   []string // resourceVersions of the entries' Secrets, in their order; "" for what is not a Secret's present content
	rejections []rejection
	discovered int
	valid      int
}

// rejection is a targetsfile.Rejection and the version of the Secret that earned it.
type rejection struct {
	targetsfile.Rejection
	version string
	carried bool // taken from the last document, because the namespace has not answered
}

// counts are numbers of Secrets.
type counts struct{ discovered, valid int }

func (m *merged) counts() counts { return counts{m.discovered, m.valid} }

// listed returns the rejections that a document lists.
func (m *merged) listed() []targetsfile.Rejection {
	first := m.rejections[:min(len(m.rejections), targetsfile.MaxRejections)]
	listed := make([]targetsfile.Rejection, len(first))
	for i := range first {
		listed[i] = first[i].Rejection
	}
	return listed
}

// merge decides what is published: what the Secrets of the catalogue say now, and, with keepLastGood, what they said before where
// they say nothing usable now. It is a pure function, the same after a LIST and after an event; now only stamps what turns stale.
//
// Round 1: every Secret claims one name, its target's or else its last good one's. The Secret that holds the name in the last
// document wins it, otherwise the oldest. Round 2: a loser falls back to its last good target if that name is still free. So a typo
// or a clash takes no target away, and a name does not move while its holder lives. When the holder goes, for a minute only a Secret of its
// own namespace may follow: one that is replaced is gone for a moment, and who may write to one namespace must not get what belongs to another.
//
// Both the catalogue and the last document are in the order of names, so that it is one pass over the two, and costs less than writing
// the result.
func merge(last *targetsfile.Document, c *catalogue, keepLastGood bool, now time.Time) merged {
	faulty, named := c.split()
	m := merging{last: last, vacated: c.vacated, keepLastGood: keepLastGood, now: now, winners: make([]winner, 0, len(named)+len(faulty))}
	held := append(m.carry(c), m.keep(faulty)...)
	slices.SortFunc(held, func(a, b *targetsfile.Entry) int { return strings.Compare(a.Name, b.Name) })
	m.out.discovered += len(faulty) + len(named)
	m.fallBack(m.contend(named, held))
	return m.finish()
}

// reservedFor is how long a name stays with the namespace of its last holder.
const reservedFor = time.Minute

type merging struct {
	last         *targetsfile.Document
	passed       int // entries of last, on the way to the holder of a name
	vacated      map[string]vacancy
	reserved     map[string]string // by name: the Secret to whose namespace it is reserved, where none there claims it
	keepLastGood bool
	now          time.Time
	winners      []winner
	out          merged
}

// winner is what is published under one name.
type winner struct {
	entry   *targetsfile.Entry
	version string // resourceVersion of the Secret that says so now; "" for a target that is kept
	present bool   // the Secret says so now
}

// carry returns what the last document has of namespaces that have not answered yet. Of one that is forbidden it is the last good: nothing
// will ever confirm it.
func (m *merging) carry(c *catalogue) (held []*targetsfile.Entry) {
	if m.last == nil || c.complete() {
		return nil
	}
	for _, e := range m.last.Entries {
		if !c.unanswered(e.Secret) {
			continue
		}
		if c.forbidden(e.Secret, m.now) {
			e = e.Stale(m.now)
		}
		held = append(held, e)
		if e.StaleSince.IsZero() {
			m.out.discovered++
			m.out.valid++
		}
	}
	for _, r := range m.last.Rejections {
		if c.unanswered(r.Secret) {
			m.out.discovered++
			m.out.rejections = append(m.out.rejections, rejection{Rejection: r, carried: true})
		}
	}
	return held
}

// keep rejects the Secrets that yield no target and returns their last good ones, which hold their names still.
func (m *merging) keep(faulty []*source.Secret) (held []*targetsfile.Entry) {
	good := m.lastGood(faulty)
	for _, s := range faulty {
		serving := targetsfile.ServingNothing
		if e := good[secretID(s)]; e != nil {
			held = append(held, e)
			serving = targetsfile.ServingLastGood
		}
		m.reject(s, s.Fault.Reason, s.Fault.Message(), serving)
	}
	return held
}

// contend gives each name to one Secret and returns those that got none. An entry of held has its name in the last document, so it
// wins against any Secret that claims it now.
func (m *merging) contend(named []*source.Secret, held []*targetsfile.Entry) (losers []*source.Secret) {
	for len(named) > 0 {
		name := named[0].Entry.Name
		rivals := 1
		for rivals < len(named) && named[rivals].Entry.Name == name {
			rivals++
		}
		for len(held) > 0 && held[0].Name < name {
			m.winners = append(m.winners, winner{entry: held[0]})
			held = held[1:]
		}
		best := -1
		if len(held) > 0 && held[0].Name == name {
			m.winners = append(m.winners, winner{entry: held[0]})
			held = held[1:]
		} else if best = m.best(named[:rivals]); best >= 0 {
			m.winners = append(m.winners, winner{named[best].Entry, named[best].ResourceVersion, true})
		}
		for i, s := range named[:rivals] {
			if i != best {
				losers = append(losers, s)
			}
		}
		named = named[rivals:]
	}
	for _, e := range held {
		m.winners = append(m.winners, winner{entry: e})
	}
	return losers
}

// best returns which of the Secrets that claim one name wins it, -1 if it is reserved to none of them.
func (m *merging) best(rivals []*source.Secret) (best int) {
	name := rivals[0].Entry.Name
	holder := m.holder(rivals[0].Entry)
	if len(rivals) == 1 && (holder == rivals[0].Entry || holder == nil && len(m.vacated) == 0 || holder != nil && secretID(rivals[0]) == entryID(holder)) {
		return 0 // nearly always
	}
	former := m.vacated[name]
	if holder != nil {
		former = vacancy{secret: holder.Secret, since: m.now}
	}
	if holder != nil && holder.SecretUID == "" {
		former = vacancy{} // A manifest's name is reserved to nobody: whoever writes to one namespace of a tree writes to all.
	}
	reserved := former.secret != "" && m.now.Sub(former.since) < reservedFor
	best = -1
	for i, s := range rivals {
		switch {
		case holder != nil && secretID(s) == entryID(holder):
			return i
		case reserved && namespaceOf(s.Key) != namespaceOf(former.secret):
		case best < 0 || cmp.Or(s.Created.Compare(rivals[best].Created), strings.Compare(s.Key, rivals[best].Key)) < 0:
			best = i
		}
	}
	if best < 0 {
		if m.reserved == nil {
			m.reserved = map[string]string{}
		}
		m.reserved[name] = former.secret
	}
	return best
}

func namespaceOf(secret string) string {
	namespace, _, _ := strings.Cut(secret, "/")
	return namespace
}

// holder returns what the last document has under the name of a target, nil if it has nothing. It is asked for names in their order. What did
// not change is the same entry, which spares the comparison of names.
func (m *merging) holder(claim *targetsfile.Entry) *targetsfile.Entry {
	if m.last == nil {
		return nil
	}
	for m.passed < len(m.last.Entries) && m.last.Entries[m.passed] != claim && m.last.Entries[m.passed].Name < claim.Name {
		m.passed++
	}
	if m.passed == len(m.last.Entries) || m.last.Entries[m.passed] != claim && m.last.Entries[m.passed].Name != claim.Name {
		return nil
	}
	return m.last.Entries[m.passed]
}

// fallBack rejects the losers, and lets each serve its last good target if that name is free. No two have the same: names are unique
// in a document.
func (m *merging) fallBack(losers []*source.Secret) {
	if len(losers) == 0 {
		return
	}
	good := m.lastGood(losers)
	contended := m.winners
	for _, s := range losers {
		serving := targetsfile.ServingNothing
		if e := good[secretID(s)]; e != nil && winnerOf(contended, e.Name) == nil {
			m.winners = append(m.winners, winner{entry: e})
			serving = targetsfile.ServingLastGood
		}
		message := fmt.Sprintf("name: %q belonged to Secret %s until a moment ago: another namespace gets it after a minute", s.Entry.Name, m.reserved[s.Entry.Name])
		if holder := winnerOf(contended, s.Entry.Name); holder != nil {
			message = fmt.Sprintf("name: %q is taken by Secret %s: rename one of the two, or delete one", s.Entry.Name, holder.entry.Secret)
		}
		m.reject(s, targetsfile.RejectDuplicate, message, serving)
	}
	slices.SortFunc(m.winners, func(a, b winner) int { return strings.Compare(a.entry.Name, b.entry.Name) })
}

func winnerOf(winners []winner, name string) *winner {
	i, ok := slices.BinarySearchFunc(winners, name, func(w winner, name string) int { return strings.Compare(w.entry.Name, name) })
	if !ok {
		return nil
	}
	return &winners[i]
}

// finish puts everything in the order of the file.
func (m *merging) finish() merged {
	m.out.entries, m.out.versions = make([]*targetsfile.Entry, len(m.winners)), make([]string, len(m.winners))
	for i, w := range m.winners {
		m.out.entries[i], m.out.versions[i] = w.entry, w.version
		if w.present {
			m.out.valid++
		}
	}
	slices.SortFunc(m.out.rejections, func(a, b rejection) int { return strings.Compare(a.Secret, b.Secret) })
	return m.out
}

func (m *merging) reject(s *source.Secret, reason, message, serving string) {
	m.out.rejections = append(m.out.rejections, rejection{
		Rejection: targetsfile.Rejection{Secret: s.Key, Reason: reason, Message: message, Serving: serving},
		version:   s.ResourceVersion,
	})
}

// lastGood returns what the last document has of these Secrets, by their identity, marked as stale.
func (m *merging) lastGood(of []*source.Secret) map[string]*targetsfile.Entry {
	if m.last == nil || !m.keepLastGood || len(of) == 0 {
		return nil
	}
	wanted := make(map[string]bool, len(of))
	for _, s := range of {
		wanted[secretID(s)] = true
	}
	good := make(map[string]*targetsfile.Entry)
	for _, e := range m.last.Entries {
		if id := entryID(e); wanted[id] {
			good[id] = e.Stale(m.now)
		}
	}
	return good
}

// secretID is what makes a Secret the same one over time: a Secret that was deleted and created again is another.
func secretID(s *source.Secret) string { return cmp.Or(s.UID, s.Key) }

func entryID(e *targetsfile.Entry) string { return cmp.Or(e.SecretUID, e.Secret) }
