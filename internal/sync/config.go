package sync

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"golang.org/x/time/rate"

	"github.com/alert-history/refresh-sidecar/internal/source"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// Source is where Secrets come from.
type Source interface {
	// List returns every labelled Secret of a namespace, or an error, preferably a [*source.Error]. A Listing with a
	// ResourceVersion beside an error says from where changes can be followed all the same.
	List(ctx context.Context, namespace string) (source.Listing, error)
}

// Watcher is a Source that can follow changes.
type Watcher interface {
	// Watch calls emit when it is open and for each change after resourceVersion, one at a time, until ctx ends or the stream does. It
	// returns ctx's error, or else, preferably, a [*source.Error] that says how the stream ended.
	Watch(ctx context.Context, namespace, resourceVersion string, emit func(source.Event)) error
}

// Versioner is a Watcher that can tell its present version, at a small cost.
type Versioner interface {
	// Version returns the resourceVersion that a List would return now.
	Version(ctx context.Context, namespace string) (string, error)
}

// Publisher puts documents in place. It is called from one goroutine at a time.
type Publisher interface {
	// Publish puts a document in place, whole or not at all, and returns its size in bytes.
	Publish(*targetsfile.Document) (int64, error)
	// Check reports whether a document, published last or in place at start, still is in place, and if it is not, whether something else
	// is.
	Check(*targetsfile.Document) (intact, foreign bool, err error)
}

// Config of a [DefaultRefreshManager].
type Config struct {
	Source     Source             // if it is a Watcher too, its changes are followed, unless NoWatch is set
	Publisher  Publisher          //
	Namespaces []string           // to list, each at its own risk; a single "" is all of them, or manifests
	Origin     targetsfile.Source // what documents say of their source

	Last      *targetsfile.Document // found at start; nil: none. It is continued if its source is Origin; otherwise an empty document does not replace its targets
	LastBytes int64                 // its size

	Interval       time.Duration   // between periodic refreshes; > 0
	Timeout        time.Duration   // of one attempt; > 0
	RetryBackoff   []time.Duration // waits before retries; not empty, the last repeats
	StartupBackoff []time.Duration // waits until this process's first success; not empty, the last repeats
	MaxRetries     int             // of one series of failures; 0: none
	Jitter         float64         // share taken off each wait at most; 0: exact, below 1
	RateLimit      time.Duration   // least time between accepted manual refreshes; 0: any
	MinTargets     int             // fewer are not published; 0: any number is
	NoWatch        bool            // true: what changes is only found by refreshes
	DropInvalid    bool            // false: a Secret that no longer yields a target serves its last good one
	Attempts       int             // failed attempts after which to give up, success ends it too; 0: go on for ever

	// AfterRefresh is called in a goroutine of its own when a refresh has ended; nil: nothing is. It is for giving memory back.
	AfterRefresh func()

	Logger     zerolog.Logger        // the zero Logger discards
	Registerer prometheus.Registerer // nil: metrics are kept but not registered
}

// validate returns all faults at once.
func (c *Config) validate() error {
	var faults []error
	demand := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	demand(c.Source != nil, "source is missing")
	demand(c.Publisher != nil, "publisher is missing")
	demand(len(c.Namespaces) > 0, "namespaces are missing")
	demand(c.Interval > 0, "interval must be positive, got %s", c.Interval)
	demand(c.Timeout > 0, "timeout must be positive, got %s", c.Timeout)
	demand(c.MaxRetries >= 0, "max retries must not be negative, got %d", c.MaxRetries)
	demand(c.Jitter >= 0 && c.Jitter < 1, "jitter must be at least 0 and below 1, got %v", c.Jitter)
	demand(c.RateLimit >= 0, "rate limit must not be negative, got %s", c.RateLimit)
	demand(c.MinTargets >= 0, "min targets must not be negative, got %d", c.MinTargets)
	demand(c.Attempts >= 0, "attempts must not be negative, got %d", c.Attempts)
	for name, list := range map[string][]time.Duration{"retry backoff": c.RetryBackoff, "startup backoff": c.StartupBackoff} {
		demand(len(list) > 0, "%s is empty", name)
		for _, d := range list {
			demand(d > 0, "%s must be positive, got %s", name, d)
		}
	}
	return errors.Join(faults...)
}

// watcher returns what is to be followed, or nil. Who gives up after some attempts does not stay to see changes.
func (c *Config) watcher() Watcher {
	if w, ok := c.Source.(Watcher); ok && !c.NoWatch && c.Attempts == 0 {
		return w
	}
	return nil
}

func (c *Config) schedule() schedule {
	return schedule{interval: c.Interval, startup: c.StartupBackoff, backoff: c.RetryBackoff, maxRetries: c.MaxRetries, jitter: c.Jitter,
		timer: idleTimer()}
}

// limiter limits manual refreshes. rate.Every of 0 is no limit.
func (c *Config) limiter() *rate.Limiter { return rate.NewLimiter(rate.Every(c.RateLimit), 1) }

func (c *Config) registerer() prometheus.Registerer {
	if c.Registerer == nil {
		return prometheus.NewRegistry()
	}
	return c.Registerer
}
