package targetsfile

import (
	"fmt"
	"log/slog"
	"reflect"
)

// Derive keeps one T for each target of r: a client, a limiter, the app's own type for a target. build is called for each target, those
// that are disabled included, with the T that the target has had so far, or T's zero value. What it returns is kept while the target
// stays as it is by [Target.Equal].
//
// The map is current when Derive returns, when [Reader.WaitReady] returns, and at every moment after that: what a file needs is made
// before lookups on r see that file. So nothing has to be waited for, and no alert meets a target without its T, unless build failed.
//
// An error of build leaves the target's T as it was, is logged once (see [WithLogger]) as [RedactError] returns it, and is in [Map.Failed]
// until build succeeds. It is called again with the next file that the reader loads, which at the latest is the sidecar's next heartbeat.
// A panic of build is such an error. What build returned together with an error is ignored.
//
// drop, which may be nil, is called with each T that the map does not hold any more, after lookups have ceased to find it: its target went,
// or build returned another one for it. Someone who looked it up before may still use it. A T that build returned again is not dropped, and
// one that it returned for several targets is dropped once for each. Nothing is dropped by [Reader.Close], since lookups go on answering:
// an app that wants an end to each T ranges over [Map.All] after Close.
//
// To keep a queue or a connection over changes, let build change old and return it, once nothing can fail any more: lookups then see the change
// a moment before they see the file. While build fails, the value does not learn that its target was switched off, either: who sends what has
// waited in a queue asks [Reader.Get] for Enabled, or lets build succeed for disabled targets. A target whose content comes back after build had failed for another one is built again, too.
//
// build and drop are called one at a time, on the goroutine that follows the file or on that of Derive's caller. Lookups do not wait for
// them, but a newer file, Derive and Close do: they should neither block nor take long, and must not call Derive or Close for the same
// reader. A Map lives as long as its reader. Derive may be called at any time, more than once, and after Close; a nil build panics.
func Derive[T any](r *Reader, build func(t Target, old T) (T, error), drop func(T)) *Map[T] {
	r.now()
	if build == nil {
		panic("targetsfile: Derive without a function that builds")
	}
	if drop == nil {
		drop = func(T) {}
	}
	m := &Map[T]{log: r.config.log, build: build, drop: drop}
	request := derivation{derived: m, done: make(chan struct{})}
	select {
	case r.derivations <- request:
		select {
		case <-request.done:
		case <-r.ended: // build may have called runtime.Goexit, which ends the follower
		}
	case <-r.ended: // no later snapshot comes
		m.prepare(r.Snapshot())
		m.show()
	}
	return m
}

// derivation asks the follower to keep something in step with its snapshots.
type derivation struct {
	derived derived
	done    chan struct{} // closed when derived is in step
}

// derived is kept in step with the snapshots. Its methods are called by one goroutine.
type derived interface {
	prepare(next *Snapshot) // makes what next needs; lookups do not see it yet
	show()                  // lets lookups see what was prepared
	release()               // drops what lookups do not see any more
}

// replace makes next the current state. What is derived from a target is made before lookups see the target, and what is no longer needed is
// dropped when no lookup finds it any more.
func (f *follower) replace(next state) {
	if next.Snapshot != f.current.Snapshot {
		for _, d := range f.derived {
			d.prepare(next.Snapshot)
		}
		for _, d := range f.derived {
			d.show()
		}
	}
	f.current = next
	f.publish(next)
	for _, d := range f.derived {
		d.release()
	}
}

// derive brings a new derivation into step with the current snapshot.
func (f *follower) derive(d derivation) {
	f.derived = append(f.derived, d.derived)
	d.derived.prepare(f.current.Snapshot)
	d.derived.show()
	close(d.done)
}

// prepare calls build for each target that needs it. A nil next needs nothing.
func (m *Map[T]) prepare(next *Snapshot) {
	held := m.view.Load()
	if next == nil || held != nil && held.index == next.index && held.failures == 0 {
		return
	}
	if held == nil {
		held = &view[T]{index: &index{}}
	}
	m.next = newView[T](next.index)
	for i, e := range next.index.entries {
		had, isSame := held.of(e)
		if isSame && had.err == nil {
			m.next.set(i, had)
			continue
		}
		now := m.rebuild(e.Target, had)
		m.next.set(i, now)
		if had.exists && now.err == nil && !isIdentical(had.value, now.value) {
			m.gone = append(m.gone, had.value)
		}
	}
	for i, item := range held.items {
		if _, stays := next.index.byName[held.index.entries[i].Name]; !stays && item.exists {
			m.gone = append(m.gone, item.value)
		}
	}
}

func (m *Map[T]) show() {
	if m.next != nil {
		m.view.Store(m.next)
		m.next = nil
	}
}

func (m *Map[T]) release() {
	gone := m.gone
	m.gone = nil
	for _, value := range gone {
		m.callDrop(value)
	}
}

// rebuild returns what build makes of a target or, if build fails, the item from before together with the error.
func (m *Map[T]) rebuild(target Target, had item[T]) item[T] {
	value, err := m.callBuild(target, had.value)
	if err == nil {
		if had.err != nil {
			m.log.Info("what the app keeps for a target was made at last", slog.Any("target", target))
		}
		return item[T]{value: value, exists: true}
	}
	err = fmt.Errorf("deriving from target %s: %w", target.Name, err)
	if had.err == nil || had.err.Error() != err.Error() {
		consequence := "what the app keeps for a target could not be made, the app has none for it until a later file"
		if had.exists {
			consequence = "what the app keeps for a target could not be made anew, the one from before stays until a later file"
		}
		m.log.Error(consequence, slog.Any("target", target), slog.Any("error", RedactError(err)))
	}
	had.err = err
	return had
}

// callBuild turns a panic into an error without its value, which may quote the target.
func (m *Map[T]) callBuild(target Target, old T) (value T, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panicked with %T at %s", v, panicSite())
		}
	}()
	return m.build(target, old)
}

func (m *Map[T]) callDrop(value T) {
	defer func() {
		if v := recover(); v != nil {
			m.log.Error("a function that drops what the app kept for a target panicked",
				slog.String("panic_type", fmt.Sprintf("%T", v)), slog.String("at", panicSite()))
		}
	}()
	m.drop(value)
}

// isIdentical reports whether build returned what it was given. Values that Go cannot compare are taken for different ones.
func isIdentical[T any](a, b T) bool {
	x, y := reflect.ValueOf(&a).Elem(), reflect.ValueOf(&b).Elem()
	return x.Comparable() && y.Comparable() && x.Equal(y)
}
