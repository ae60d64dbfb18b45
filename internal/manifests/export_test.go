package manifests

import (
	"context"

	"github.com/alert-history/refresh-sidecar/internal/source"
)

// Follow runs a follower on its own, in a synctest bubble: an idle inotify descriptor would freeze one.
func Follow(ctx context.Context, hints <-chan struct{}, look func(context.Context) (string, bool), report func(string), tell func()) error {
	f := follower{hints: hints, look: look, report: report, tell: tell}
	return f.follow(ctx, "given")
}

// Hints is the part of [Source.Watch] before a follower: without its polls a test sees which changes fsnotify tells of.
type Hints struct {
	C <-chan struct{}
	m *Source
	n *notifier
}

// Hints returns a source of hints, idle until Look.
func (m *Source) Hints() *Hints {
	n := newNotifier()
	return &Hints{C: n.hints, m: m, n: n}
}

// Look looks at the tree and has it watched.
func (h *Hints) Look(ctx context.Context) (fingerprint string, hinted bool) {
	return h.m.look(ctx, h.n)
}

// Close ends the hints.
func (h *Hints) Close() { h.n.close() }

// ReadManifest reads one file's content, as [Source.List] reads a tree.
func (m *Source) ReadManifest(path string, text []byte) ([]source.Secret, error) {
	r := reading{source: m, seen: make(map[string]*manifest)}
	if err := r.file(path, text); err != nil {
		return nil, err
	}
	return r.secrets(""), nil
}

// ReadManifestFile reads a file without having looked at it before.
func ReadManifestFile(path string) ([]byte, error) { return readFile(path, maxTreeBytes) }

// FindFaults looks at the tree and returns what is in the way of reading it.
func (m *Source) FindFaults(ctx context.Context) []error { return findFiles(ctx, m.path).faults }
