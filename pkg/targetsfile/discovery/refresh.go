package discovery

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

const (
	waitForEnd  = "wait=30s"            // asks the sidecar to answer when the refresh has ended
	patience    = 45 * time.Second      // bounds DiscoverTargets, its wait for the file included
	fileLookups = 10 * time.Millisecond // between two looks whether the reader has what the sidecar has published
	epochChecks = time.Second           // between two questions whether the sidecar publishes in another epoch by now
)

// DiscoverTargets asks the sidecar for a refresh, and returns nil once one that began after the call has succeeded and lookups answer from
// what it published. It takes 45 s at most, and less where ctx ends sooner.
//
// Where there is no sidecar, the file counts: nil, if a snapshot was ever loaded. A sidecar that refuses, as it does after another refresh less
// than a minute ago, is taken at its word that it follows the Secrets by a watch: nil, once lookups answer from what it has published.
//
// An error says what the sidecar says, in public parts only, or that its file does not arrive here. It takes no target away.
func (d *Discovery[T]) DiscoverTargets(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	code, answer, err := d.sidecar.ask(ctx, http.MethodPost, refreshPath, waitForEnd)
	if err != nil {
		return d.withoutSidecar(ctx, err)
	}
	if code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable {
		status, ok := d.sidecar.status(ctx)
		if ok && status.Watch.Connected && (status.Status == "failed" || status.Snapshot.Epoch != "") {
			code, answer = http.StatusOK, status
		}
	}
	switch {
	case code == http.StatusOK && answer.Status == "failed":
		return fmt.Errorf("refreshing targets: %s; %s", answer.Error, answer.Hint)
	case code != http.StatusOK || answer.Snapshot.Epoch == "":
		return fmt.Errorf("asking the sidecar for a refresh: %d %s: %s", code, answer.Error, answer.Message)
	}
	return d.awaitFile(ctx, answer.Snapshot)
}

// withoutSidecar returns what the file alone has to say, or that ctx is done.
func (d *Discovery[T]) withoutSidecar(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("asking the sidecar for a refresh: %w", context.Cause(ctx))
	case d.reader.Snapshot() == nil:
		return fmt.Errorf("%w, and no sidecar: %w", targetsfile.ErrNotReady, err)
	}
	return nil
}

// awaitFile waits until lookups answer from what the sidecar has published. It looks again and again, because a change of the generation
// alone wakes nobody, and asks for the sidecar's present epoch: a reader that has gone on to another one never has the old one again.
func (d *Discovery[T]) awaitFile(ctx context.Context, published published) error {
	looks := time.NewTicker(fileLookups)
	defer looks.Stop()
	asks := time.NewTicker(epochChecks)
	defer asks.Stop()
	for {
		s := d.reader.Snapshot()
		if s.Epoch() == published.Epoch && s.Generation() >= published.Generation {
			return nil
		}
		select {
		case <-looks.C:
		case <-asks.C:
			if status, ok := d.sidecar.status(ctx); ok && status.Snapshot.Epoch != "" && status.Snapshot.Epoch != published.Epoch {
				published = status.Snapshot
			}
		case <-ctx.Done():
			return fmt.Errorf("the sidecar has published generation %d, and the app's path has %s: is it that sidecar's directory that is mounted? %w",
				published.Generation, s.String(), errors.Join(context.Cause(ctx), d.reader.Status().LastError))
		}
	}
}
