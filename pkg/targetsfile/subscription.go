package targetsfile

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// OnChange calls fn with each change, as [Reader.Changes] yields them, until stop is called or the reader is closed. The calls come one
// after the other from a goroutine of the subscription, so fn may take its time.
//
// A call that panics is given up and logged by the type of the panic's value and where it came from, and the next change goes to fn
// all the same.
//
// Both stop and Close wait for a call that is running, and after that fn is not called again. From within fn they do not wait, so fn may
// call them: it has then had its last change. Close waits for no function if any of the reader's subscriptions calls it. Two functions
// that stop each other at the same moment wait for ever. stop may be called more than once.
func (r *Reader) OnChange(fn func(Change)) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	s := &subscription{ended: make(chan struct{})}
	begun := make(chan struct{})
	go func() {
		defer close(s.ended)
		s.goroutine = goroutine()
		r.subscriptions.add(s)
		defer r.subscriptions.remove(s)
		close(begun)
		for change := range r.Changes(ctx) {
			r.call(fn, change)
		}
	}()
	<-begun
	return func() {
		cancel()
		if goroutine() != s.goroutine {
			<-s.ended
		}
	}
}

// call shields the subscription from a panic of fn. The panic's value is not logged: it may quote a target.
func (r *Reader) call(fn func(Change), change Change) {
	defer func() {
		if v := recover(); v != nil {
			r.config.log.Error("a callback for changed targets panicked, it will be called with the next change",
				slog.String("panic_type", fmt.Sprintf("%T", v)), slog.String("at", panicSite()), slog.Any("change", change)) // its counts
		}
	}()
	fn(change)
}

// panicSite returns the file and line that panicked. Only a deferred function may call it.
func panicSite() string {
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for raised := false; ; {
		frame, more := frames.Next()
		isRuntime := strings.HasPrefix(frame.Function, "runtime.")
		if raised && !isRuntime || !more {
			return frame.File + ":" + strconv.Itoa(frame.Line)
		}
		raised = raised || isRuntime // from gopanic outwards: what raised it, then who
	}
}

// subscription is one call of OnChange.
type subscription struct {
	goroutine string        // the only one that calls fn
	ended     chan struct{} // closed when fn is not called any more
}

// subscriptions are those of one reader that have not ended.
type subscriptions struct {
	mu  sync.Mutex
	all map[*subscription]struct{}
}

func (l *subscriptions) add(s *subscription) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all == nil {
		l.all = map[*subscription]struct{}{}
	}
	l.all[s] = struct{}{}
}

func (l *subscriptions) remove(s *subscription) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.all, s)
}

// wait waits until all have ended, unless one of them is the caller: two that close the reader must not wait for each other. The reader
// has ended before, so one that is added later calls nothing.
func (l *subscriptions) wait() {
	l.mu.Lock()
	all := slices.Collect(maps.Keys(l.all))
	l.mu.Unlock()
	caller := goroutine()
	if slices.ContainsFunc(all, func(s *subscription) bool { return s.goroutine == caller }) {
		return
	}
	for _, s := range all {
		<-s.ended
	}
}

// goroutine returns the number of the calling goroutine, which tells whether a function is called from within a callback. The runtime
// has it in the first line of a stack trace only, "goroutine 7 [running]:"; net/http reads it there too (http2curGoroutineID).
func goroutine() string {
	var buf [64]byte
	line := bytes.TrimPrefix(buf[:runtime.Stack(buf[:], false)], []byte("goroutine "))
	number, _, _ := bytes.Cut(line, []byte(" "))
	return string(number)
}
