package discovery

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// Discovery answers lookups from the sidecar's snapshot, with a T for each target. [Open] makes one. All methods may be called
// concurrently; lookups neither lock nor wait.
type Discovery[T any] struct {
	reader   *targetsfile.Reader
	targets  *targetsfile.Map[T]
	sidecar  *sidecar
	notFound func(name string) error
	log      *slog.Logger
}

// Open starts to follow the snapshot and waits until it is there, for as long as c says. Where it is not there in time, that is logged, and
// the app starts without targets: they come with the file. An error says what is wrong with c, all of it, or that ctx is done.
//
// The discovery ends when ctx is done or Close is called.
func Open[T any](ctx context.Context, c Config[T]) (*Discovery[T], error) {
	base, faults := c.sidecarURL()
	reader, err := targetsfile.Open(ctx, c.Path, append([]targetsfile.Option{targetsfile.WithLogger(c.log())}, c.Options...)...)
	if faults != nil || err != nil {
		if err == nil {
			_ = reader.Close() // never fails
		}
		return nil, fmt.Errorf("opening the discovery: %w", errors.Join(faults, err))
	}
	d := &Discovery[T]{reader: reader, notFound: c.NotFound, log: c.log(),
		sidecar: newSidecar(base, c.Transport, translation{codes: c.ErrorCodes, emptyForNever: c.EmptyForNever}, c.log())}
	d.targets = targetsfile.Derive(reader, func(t targetsfile.Target, _ T) (T, error) { return c.Convert(t) }, nil)
	limited, cancel := context.WithTimeout(ctx, c.readyWithin())
	defer cancel()
	if err := reader.WaitReady(limited); err != nil {
		if ctx.Err() != nil {
			return nil, errors.Join(err, d.Close())
		}
		d.log.Warn("there are no targets yet, going on without them until the snapshot is there", slog.Any("error", err))
	}
	return d, nil
}

// Close stops following the snapshot. Lookups go on answering. It must not be called by a function given to OnChange.
func (d *Discovery[T]) Close() error {
	d.sidecar.close()
	return d.reader.Close()
}

// Reader returns the reader of the snapshot, for its status, and for the collector of package prom.
func (d *Discovery[T]) Reader() *targetsfile.Reader { return d.reader }

// GetTarget returns the target of that name, enabled or not. The error is what NotFound of [Config] makes, [targetsfile.ErrNotReady], or
// Convert's if that has never succeeded for the target.
func (d *Discovery[T]) GetTarget(name string) (T, error) {
	target, err := d.targets.Get(name)
	if d.notFound != nil && errors.Is(err, targetsfile.ErrNotFound) {
		return target, d.notFound(name)
	}
	return target, err
}

// ListTargets returns all targets by name, those that are disabled included. It is never nil.
func (d *Discovery[T]) ListTargets() []T { return list(d.targets.All()) }

// GetTargetsByType returns the targets of one type, such as "slack", by name, those that are disabled included. It is never nil.
func (d *Discovery[T]) GetTargetsByType(targetType string) []T {
	return list(d.targets.ByType(targetType))
}

// GetTargetCount returns the number of targets, those that are disabled included.
func (d *Discovery[T]) GetTargetCount() int { return d.targets.Len() }

// Health returns nil, [targetsfile.ErrNotReady] or [targetsfile.ErrStale], with the reason. It is for people and for alerts: never wire it
// to a liveness or readiness probe, see [targetsfile.Reader.Healthy]. No targets at all is healthy.
func (d *Discovery[T]) Health(context.Context) error { return d.reader.Healthy() }

// OnChange calls fn after each change of the targets, when lookups know it, and once for the first snapshot, from a goroutine of its own until
// stop is called or the discovery ends. An error of fn is logged, and the next change goes to fn all the same.
func (d *Discovery[T]) OnChange(fn func() error) (stop func()) {
	return d.reader.OnChange(func(targetsfile.Change) {
		if err := fn(); err != nil {
			d.log.Error("the app could not act on changed targets, it is told of the next change", slog.Any("error", targetsfile.RedactError(err)))
		}
	})
}

func list[T any](targets iter.Seq2[targetsfile.Target, T]) []T {
	list := []T{}
	for _, target := range targets {
		list = append(list, target)
	}
	return list
}
