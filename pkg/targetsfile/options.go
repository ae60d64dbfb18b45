package targetsfile

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"
)

const (
	defaultPollInterval = 5 * time.Second
	leastPollInterval   = time.Millisecond
)

// Option changes how [Open] follows the file.
type Option func(*config)

// config is what the options set. Its zero values mean the defaults.
type config struct {
	path         string
	pollInterval time.Duration // 0: defaultPollInterval
	maxAge       time.Duration // 0: only the file's own stale_after counts
	maxBytes     int64         // 0: MaxBytes
	log          *slog.Logger  // nil: nothing is logged
	withoutWatch bool
	faults       []error
}

// WithPollInterval sets how often the file is looked at when no event announces a change, 5 s by default, at least 1 ms. Each wait
// differs by up to a tenth, so that the pods of a node do not look at the same moment.
func WithPollInterval(d time.Duration) Option {
	return func(c *config) {
		c.check(d >= leastPollInterval, "poll interval is %s, must be at least %s", d, leastPollInterval)
		c.pollInterval = d
	}
}

// WithMaxAge makes a snapshot stale once its RefreshedAt is older than d, even if the file promises more.
func WithMaxAge(d time.Duration) Option {
	return func(c *config) {
		c.check(d > 0, "max age is %s, must be positive", d)
		c.maxAge = d
	}
}

// WithMaxBytes lowers the size limit of the file, which is [MaxBytes] by default and at most.
func WithMaxBytes(n int64) Option {
	return func(c *config) {
		c.check(n > 0 && n <= MaxBytes, "max bytes is %d, must be from 1 to %d", n, MaxBytes)
		c.maxBytes = n
	}
}

// WithLogger makes the reader log what it loads and what it refuses; by default it is silent. No content of the file is logged; of
// what an app derives, errors are, as [RedactError] returns them. A handler that blocks delays reloads, but no lookup.
func WithLogger(log *slog.Logger) Option {
	return func(c *config) {
		c.check(log != nil, "logger is nil")
		c.log = log
	}
}

// WithoutWatch turns off file system events: changes are found by polling alone. It saves an inotify instance, and is what
// testing/synctest bubbles need.
func WithoutWatch() Option {
	return func(c *config) { c.withoutWatch = true }
}

func (c *config) check(ok bool, format string, args ...any) {
	if !ok {
		c.faults = append(c.faults, fmt.Errorf(format, args...))
	}
}

// newConfig applies the options and the defaults. The error joins all faults.
func newConfig(path string, opts []Option) (config, error) {
	c := config{pollInterval: defaultPollInterval, maxBytes: MaxBytes, log: slog.New(slog.DiscardHandler)}
	c.check(path != "", "path is empty")
	absolute, err := filepath.Abs(path) // the app may change its directory
	if err != nil {
		c.faults = append(c.faults, err)
	}
	c.path = absolute
	for _, apply := range opts {
		apply(&c)
	}
	if err := errors.Join(c.faults...); err != nil {
		return config{}, fmt.Errorf("opening a target snapshot: %w", err)
	}
	return c, nil
}
