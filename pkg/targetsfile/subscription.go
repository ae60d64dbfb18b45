package targetsfile

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"strconv"
	"strings"
	"sync"
)

// OnChange calls fn with each change, as [Reader.Changes] yields them, until stop is called or the reader ends. The calls come one
// after the other from a goroutine of the subscription, so fn may take its time. The first one may come after [Reader.WaitReady] has returned:
// what has to be complete before the first alert belongs into [Derive].
//
// A call that panics is given up and logged by the type of the panic's value and where it came from, and the next change goes to fn
// all the same.
//
// Both stop and [Reader.Close] wait for a call that is running, and after that fn is not called again. So fn must call neither of them
// for its own subscription or reader: the call would wait for its own end, for ever. To end the reader from within fn, cancel the
// context that was given to [Open], which waits for nothing; to end one subscription from within, range over [Reader.Changes] and leave
// the loop, or cancel its context. stop may be called more than once. A nil fn panics.
func (r *Reader) OnChange(fn func(Change)) (stop func()) {
	r.now()
	if fn == nil {
		panic("targetsfile: OnChange without a function")
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	if !r.callbacks.add() {
		cancel()
		return cancel
	}
	go func() {
		defer r.callbacks.running.Done()
		defer close(ended)
		for change := range r.Changes(ctx) {
			r.call(fn, change)
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}

// call shields the subscription from a panic of fn. The panic's value is not logged: it may quote a target.
func (r *Reader) call(fn func(Change), change Change) {
	defer func() {
		if v := recover(); v != nil {
			r.config.log.Error("a callback for changed targets panicked, it will be called with the next change",
				slog.String("panic_type", fmt.Sprintf("%T", v)), slog.String("at", panicSite()), slog.Any("change", change)) // logs counts only
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
		raised = raised || isRuntime // behind the runtime's frames comes the function that panicked
	}
}

// callbacks are the goroutines of a reader's subscriptions.
type callbacks struct {
	running sync.WaitGroup
	mu      sync.Mutex
	closed  bool // no further goroutine is added, so that wait misses none
}

// add makes wait wait for one more goroutine. It returns false if wait was called already.
func (c *callbacks) add() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.running.Add(1)
	}
	return !c.closed
}

// wait waits until all subscriptions have ended. The reader must have ended before.
func (c *callbacks) wait() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.running.Wait()
}
