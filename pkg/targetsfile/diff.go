package targetsfile

import (
	"fmt"
	"log/slog"
)

// Change is what differs between two snapshots. Its lists are ascending by name and belong to whoever received it; the targets in them
// are shared and read-only, as all are.
type Change struct {
	From, To *Snapshot // in the first change of a consumer From is nil, which has no targets and generation 0
	Added    []Target
	Removed  []Target // the targets as they were in From
	Updated  []Update
}

// Update is a target that differs between two snapshots.
type Update struct{ Old, New Target }

// Format implements [fmt.Formatter] like that of [Change].
func (u Update) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, u.String()) }

// String describes the update by the public parts of its targets.
func (u Update) String() string { return fmt.Sprintf("from %v to %v", u.Old, u.New) }

// Diff returns what changed between two snapshots. Either may be nil; a nil snapshot has no targets.
//
// Targets are compared by [Target.Equal].
func Diff(from, to *Snapshot) Change {
	c := Change{From: from, To: to}
	before, after := from.list(), to.list()
	for len(before) > 0 || len(after) > 0 {
		switch {
		case len(after) == 0 || len(before) > 0 && before[0].Name < after[0].Name:
			c.Removed = append(c.Removed, before[0].Target)
			before = before[1:]
		case len(before) == 0 || after[0].Name < before[0].Name:
			c.Added = append(c.Added, after[0].Target)
			after = after[1:]
		default:
			if before[0] != after[0] && !before[0].equal(&after[0].Target) {
				c.Updated = append(c.Updated, Update{Old: before[0].Target, New: after[0].Target})
			}
			before, after = before[1:], after[1:]
		}
	}
	return c
}

// isEmpty reports whether a consumer that has seen From need not hear of To.
func (c *Change) isEmpty() bool {
	return c.From != nil && len(c.Added) == 0 && len(c.Removed) == 0 && len(c.Updated) == 0
}

// Format implements [fmt.Formatter]: without it a verb that does not suit a field, such as %d, prints a nested change with the secrets of
// its targets.
func (c Change) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, c.String()) }

// String tells how much changed.
func (c Change) String() string {
	return fmt.Sprintf("change to generation %d: %d added, %d removed, %d updated",
		c.generation(), len(c.Added), len(c.Removed), len(c.Updated))
}

// LogValue implements [slog.LogValuer] with how much changed: the targets may be many.
func (c Change) LogValue() slog.Value {
	return slog.GroupValue(slog.Uint64("generation", c.generation()), slog.Int("added", len(c.Added)),
		slog.Int("removed", len(c.Removed)), slog.Int("updated", len(c.Updated)))
}

func (c Change) generation() uint64 {
	if c.To == nil {
		return 0
	}
	return c.To.Generation()
}
