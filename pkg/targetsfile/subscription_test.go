package targetsfile_test

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

func TestOnChangeCallsWithEachChangeInTurn(t *testing.T) {
	path := published(t, document(t, 1, "a"))
	r := open(t, path)
	calls, running := make(chan targetsfile.Change), atomic.Int32{}
	stop := r.OnChange(func(c targetsfile.Change) {
		if running.Add(1) != 1 {
			t.Error("got two calls at once, want one after the other")
		}
		calls <- c
		running.Add(-1)
	})
	first := <-calls
	rename(t, path, encode(t, document(t, 2, "a", "b")))
	second := <-calls
	if told(first) != "+a" || told(second) != "+b" || first.From != nil || second.From != first.To {
		t.Errorf("got %q, then %q, want +a from nothing, then +b", told(first), told(second))
	}
	stop()
	stop() // may be called more than once
	rename(t, path, encode(t, document(t, 3, "a")))
	serves(t, r, 3)
}

// The end of Open's context ends all subscriptions, from within a callback too, and waits for nothing.
func TestACallbackEndsTheReaderByItsContext(t *testing.T) {
	path := published(t, document(t, 1, "a"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := targetsfile.Open(ctx, path)
	check(t, err)
	const subscriptions = 20
	calls := atomic.Int32{}
	var entered sync.WaitGroup
	entered.Add(subscriptions) // before the first ends the reader: who subscribes later is never called
	for range subscriptions {
		r.OnChange(func(targetsfile.Change) {
			calls.Add(1)
			entered.Done() // panics when called again
			entered.Wait()
			cancel()
		})
	}
	entered.Wait()
	rename(t, path, encode(t, document(t, 2, "a", "b")))
	check(t, r.Close())
	if got := calls.Load(); got != subscriptions {
		t.Errorf("got %d calls, want %d", got, subscriptions)
	}
}

func TestOnChangeFromWithinACallback(t *testing.T) {
	r := open(t, published(t, document(t, 1, "a")))
	inner := make(chan struct{})
	stop := r.OnChange(func(targetsfile.Change) {
		r.OnChange(func(targetsfile.Change) { close(inner) })
	})
	<-inner
	stop()
}

func TestOnChangeAfterCloseIsNeverCalled(t *testing.T) {
	r := open(t, published(t, document(t, 1, "a")))
	r.Close()
	stop := r.OnChange(func(c targetsfile.Change) { t.Errorf("got %v, want no call", c) })
	stop()
}

func TestPanicOfACallbackIsLoggedWithoutItsValue(t *testing.T) {
	for _, test := range []struct {
		name  string
		panic func(targetsfile.Change)
		want  string
	}{
		{"an error", func(c targetsfile.Change) { panic(errors.New(c.Added[0].URL)) }, "panic_type=*errors.errorString"},
		{"a string", func(c targetsfile.Change) { panic(c.Added[0].URL) }, "panic_type=string"},
		{"an error of the runtime", func(c targetsfile.Change) { _ = c.Removed[len(c.Added)] }, "panic_type=runtime.boundsError"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := published(t, document(t, 1, "a"))
			var log safeBuffer
			r := open(t, path, targetsfile.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
			first, next := make(chan struct{}), make(chan targetsfile.Change)
			r.OnChange(func(c targetsfile.Change) {
				if c.From == nil {
					close(first)
					test.panic(c)
				}
				next <- c
			})
			<-first
			rename(t, path, encode(t, document(t, 2, "a", "b")))
			if got := <-next; told(got) != "+b" {
				t.Errorf("after the panic: got %q, want +b", told(got))
			}
			text := log.take()
			for _, want := range []string{"level=ERROR", test.want, "subscription_test.go:", "change.generation=1 change.added=1"} {
				if !strings.Contains(text, want) {
					t.Errorf("got log %s, want %s", text, want)
				}
			}
			if leaks(text) {
				t.Errorf("got log %s, want no secret", text)
			}
		})
	}
}

// A callback that ends its goroutine, as t.FailNow does, ends the subscription and no more.
func TestCallbackThatExitsItsGoroutine(t *testing.T) {
	r := open(t, published(t, document(t, 1, "a")))
	stop := r.OnChange(func(targetsfile.Change) { runtime.Goexit() })
	stop()
	r.Close()
}

func TestAThousandSubscribers(t *testing.T) {
	path := published(t, document(t, 1, "a"))
	r := open(t, path)
	var first, second sync.WaitGroup
	for range 1000 {
		first.Add(1)
		second.Add(1)
		r.OnChange(func(c targetsfile.Change) {
			switch told(c) {
			case "+a":
				first.Done()
			case "+b":
				second.Done()
			default:
				t.Errorf("got %q, want +a, then +b", told(c))
			}
		})
	}
	first.Wait()
	blocked := r.OnChange(func(targetsfile.Change) { second.Wait() }) // holds up nobody else
	rename(t, path, encode(t, document(t, 2, "a", "b")))
	second.Wait()
	blocked()
	r.Close()
}
