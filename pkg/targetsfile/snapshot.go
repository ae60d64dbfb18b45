package targetsfile

import (
	"fmt"
	"io"
	"iter"
	"log/slog"
	"slices"
	"time"
)

// Snapshot is an immutable view of one accepted file. Hold one for the length of a request to get consistent answers. A nil Snapshot,
// which a reader has before its first file and a first [Change] has as From, may be asked like any other: it has no targets, and its
// other answers are zero values.
type Snapshot struct {
	head  Document // without Entries
	index *index
}

// index finds targets. Snapshots with equal checksums share one.
type index struct {
	entries []*Entry       // ascending by name
	byName  map[string]int // shared by indexes with the same names
}

// newSnapshot indexes doc. If previous, which may be nil, has the same targets, it takes over the index of previous.
func newSnapshot(doc *Document, previous *Snapshot) *Snapshot {
	s := &Snapshot{head: *doc}
	s.head.Entries = nil
	if previous != nil && previous.Checksum() == doc.Checksum {
		s.index = previous.index
		return s
	}
	s.index = &index{entries: doc.Entries}
	hasSameName := func(a, b *Entry) bool { return a == b || a.Name == b.Name }
	if previous != nil && slices.EqualFunc(doc.Entries, previous.list(), hasSameName) {
		s.index.byName = previous.index.byName
		return s
	}
	s.index.byName = make(map[string]int, len(doc.Entries))
	for i, e := range doc.Entries {
		s.index.byName[e.Name] = i
	}
	return s
}

// Get returns the target of that name, enabled or not. It does not allocate.
func (s *Snapshot) Get(name string) (t Target, ok bool) {
	if s == nil {
		return Target{}, false
	}
	i, ok := s.index.byName[name]
	if !ok {
		return Target{}, false
	}
	return s.index.entries[i].Target, true
}

// ByType yields the targets of one type, such as "slack", ascending by name, those that are disabled included.
func (s *Snapshot) ByType(typ string) iter.Seq[Target] {
	return s.those(func(t *Target) bool { return t.Type == typ })
}

// All yields all targets, ascending by name, those that are disabled included.
func (s *Snapshot) All() iter.Seq[Target] { return s.those(func(*Target) bool { return true }) }

// Enabled yields the targets that alerts are to be published to, ascending by name.
func (s *Snapshot) Enabled() iter.Seq[Target] {
	return s.those(func(t *Target) bool { return t.Enabled })
}

func (s *Snapshot) those(wanted func(*Target) bool) iter.Seq[Target] {
	return func(yield func(Target) bool) {
		for _, e := range s.list() {
			if wanted(&e.Target) && !yield(e.Target) {
				return
			}
		}
	}
}

// Len returns the number of targets, those that are disabled included.
func (s *Snapshot) Len() int { return len(s.list()) }

func (s *Snapshot) list() []*Entry {
	if s == nil {
		return nil
	}
	return s.index.entries
}

// about returns the fields of the file other than its targets.
func (s *Snapshot) about() *Document {
	if s == nil {
		return &Document{}
	}
	return &s.head
}

// Epoch returns the identity of the series that Generation counts.
func (s *Snapshot) Epoch() string { return s.about().Epoch }

// Generation returns the number of the file's targets within their epoch. It rises exactly when Checksum changes.
func (s *Snapshot) Generation() uint64 { return s.about().Generation }

// Checksum returns the checksum of the targets, see [Checksum].
func (s *Snapshot) Checksum() string { return s.about().Checksum }

// ChangedAt returns when the targets last changed.
func (s *Snapshot) ChangedAt() time.Time { return s.about().ChangedAt }

// RefreshedAt returns when the sidecar last saw all Secrets.
func (s *Snapshot) RefreshedAt() time.Time { return s.about().RefreshedAt }

// StaleAfter returns the time from which on the sidecar does not vouch for the targets.
func (s *Snapshot) StaleAfter() time.Time { return s.about().StaleAfter }

// Source returns where the Secrets were looked for. Its slice is shared and read-only.
func (s *Snapshot) Source() Source { return s.about().Source }

// Discovered returns how many labelled Secrets there are, Valid plus Invalid.
func (s *Snapshot) Discovered() int { return s.about().Discovered }

// Valid returns how many Secrets have their present content in the snapshot.
func (s *Snapshot) Valid() int { return s.about().Valid }

// Invalid returns how many Secrets do not have their present content in the snapshot. Len is Valid plus the invalid Secrets that still serve
// an older content.
func (s *Snapshot) Invalid() int { return s.about().Invalid }

// Rejections returns the first [MaxRejections] of the invalid Secrets. The slice is shared and read-only.
func (s *Snapshot) Rejections() []Rejection { return s.about().Rejections }

// Format implements [fmt.Formatter]: without it a verb that does not suit a field, such as %s, prints all targets with their secrets.
func (s Snapshot) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue implements [slog.LogValuer] with what String says.
func (s *Snapshot) LogValue() slog.Value { return slog.StringValue(s.String()) }

// String describes the snapshot without its targets.
func (s *Snapshot) String() string {
	if s == nil {
		return "no snapshot"
	}
	return fmt.Sprintf("snapshot of %d targets, generation %d", s.Len(), s.Generation())
}
