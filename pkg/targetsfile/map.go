package targetsfile

import (
	"iter"
	"log/slog"
	"sync/atomic"
)

// Map holds what [Derive] keeps for the targets of a reader. Its methods may be called concurrently, and neither lock nor wait. Each
// iterator sees one snapshot, even if a newer one comes while it runs.
type Map[T any] struct {
	log   *slog.Logger
	build func(Target, T) (T, error)
	drop  func(T)

	view atomic.Pointer[view[T]] // nil before the first snapshot

	// The goroutine that keeps the map in step owns the fields below.
	next *view[T] // the view that is prepared and not shown yet; nil: there is none
	gone []T      // values to drop when next is shown
}

// view holds what was made for the targets of one index. A shown one never changes.
type view[T any] struct {
	index    *index
	items    []item[T] // one for each of the index's entries, in their order
	count    int       // items that exist
	failures int       // items with an error
}

// item is what build has made for one target.
type item[T any] struct {
	value  T
	exists bool
	err    error // the error of the last call of build; if it is not nil, value comes from an earlier content of the target
}

func newView[T any](x *index) *view[T] {
	return &view[T]{index: x, items: make([]item[T], len(x.entries))}
}

func (v *view[T]) set(i int, made item[T]) {
	v.items[i] = made
	if made.exists {
		v.count++
	}
	if made.err != nil {
		v.failures++
	}
}

// of returns the item for the target of that name, and whether that target equals the one of e.
func (v *view[T]) of(e *Entry) (had item[T], isSame bool) {
	i, ok := v.index.byName[e.Name]
	if !ok {
		return had, false
	}
	held := v.index.entries[i]
	return v.items[i], held == e || held.equal(&e.Target)
}

// Get returns what was made for the target of that name, enabled or not. The error is [ErrNotReady], [ErrNotFound] or, while build has
// never succeeded for the target, build's. Get does not lock and does not allocate.
func (m *Map[T]) Get(name string) (T, error) {
	var none T
	v := m.view.Load()
	if v == nil {
		return none, ErrNotReady
	}
	i, ok := v.index.byName[name]
	if !ok {
		return none, ErrNotFound
	}
	if made := &v.items[i]; made.exists {
		return made.value, nil
	}
	return none, v.items[i].err
}

// All yields each target with what was made for it, ascending by name, those that are disabled included. A target for which build has
// never succeeded is left out. It yields nothing before the reader is ready.
//
// The target is the present one. While build fails for it, the value is older: it was made from an earlier content. So publish to the target
// that the value was made from, which the value had better keep.
func (m *Map[T]) All() iter.Seq2[Target, T] {
	return m.those(func(*Target) bool { return true })
}

// Enabled yields what [Map.All] does for the targets that alerts are to be published to.
func (m *Map[T]) Enabled() iter.Seq2[Target, T] {
	return m.those(func(t *Target) bool { return t.Enabled })
}

// ByType yields what [Map.All] does for the targets of one type, such as "slack", those that are disabled included.
func (m *Map[T]) ByType(typ string) iter.Seq2[Target, T] {
	return m.those(func(t *Target) bool { return t.Type == typ })
}

// Failed yields each target whose present content build refused, with the error. What [Map.Get] returns for such a target was made from an
// earlier content, or Get returns the error.
func (m *Map[T]) Failed() iter.Seq2[Target, error] {
	return func(yield func(Target, error) bool) {
		v := m.view.Load()
		if v == nil || v.failures == 0 {
			return
		}
		for i := range v.items {
			if err := v.items[i].err; err != nil && !yield(v.index.entries[i].Target, err) {
				return
			}
		}
	}
}

// Len returns for how many targets the map has a value, those that are disabled included.
func (m *Map[T]) Len() int {
	if v := m.view.Load(); v != nil {
		return v.count
	}
	return 0
}

func (m *Map[T]) those(wanted func(*Target) bool) iter.Seq2[Target, T] {
	return func(yield func(Target, T) bool) {
		v := m.view.Load()
		if v == nil {
			return
		}
		for i := range v.items {
			target := &v.index.entries[i].Target
			if v.items[i].exists && wanted(target) && !yield(*target, v.items[i].value) {
				return
			}
		}
	}
}
