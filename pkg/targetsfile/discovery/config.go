package discovery

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

const defaultReadyWithin = 10 * time.Second

// Config says where the targets come from and what the app calls them.
type Config[T any] struct {
	Path    string // the snapshot file
	Sidecar string // the sidecar's URL, such as "http://127.0.0.1:8095"; empty: there is none, and the file alone counts

	// Convert makes the app's target of one in the snapshot, once for each that comes or changes. Where it fails, the target stays as
	// it was, or is not there yet: see [targetsfile.Derive].
	Convert func(targetsfile.Target) (T, error)
	// NotFound makes what GetTarget returns for a name without a target; nil: targetsfile.ErrNotFound.
	NotFound func(name string) error

	ReadyWithin time.Duration        // how long Open waits for the first snapshot; 0: 10 s
	Log         *slog.Logger         // nil: slog.Default()
	Options     []targetsfile.Option // of the reader, beside its logger

	// ErrorCodes are the codes by which the app's clients know errors of the refresh and the status, by the sidecar's own, such as
	// "rate_limited". An error with another code passes as it is.
	ErrorCodes map[string]string
	// EmptyForNever shows times that have never come as "" instead of null.
	EmptyForNever bool
	// Transport carries the requests to the sidecar. One of the app's own may add a token, where the sidecar runs with --auth, or
	// trust a certificate; nil: plain HTTP, through no proxy.
	Transport http.RoundTripper
}

// sidecarURL returns the parsed Sidecar, nil if there is none, or all faults of the configuration that the reader does not find.
func (c *Config[T]) sidecarURL() (*url.URL, error) {
	var faults []error
	if c.Convert == nil {
		faults = append(faults, errors.New("no function converts targets"))
	}
	if c.ReadyWithin < 0 {
		faults = append(faults, fmt.Errorf("the wait for the first snapshot is %s, must not be negative", c.ReadyWithin))
	}
	if c.Sidecar == "" {
		return nil, errors.Join(faults...)
	}
	base, err := url.Parse(c.Sidecar)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || base.User != nil || base.RawQuery != "" {
		faults = append(faults, errors.New("the sidecar's URL must be http or https with a host, such as http://127.0.0.1:8095"))
	}
	return base, errors.Join(faults...)
}

func (c *Config[T]) readyWithin() time.Duration {
	if c.ReadyWithin == 0 {
		return defaultReadyWithin
	}
	return c.ReadyWithin
}

func (c *Config[T]) log() *slog.Logger {
	if c.Log == nil {
		return slog.Default()
	}
	return c.Log
}
