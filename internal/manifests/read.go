package manifests

import (
	"cmp"
	"context"
	"io"
	"maps"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/alert-history/refresh-sidecar/internal/source"
)

// read reads the files of a tree. It returns Secrets ascending by key, or no Secret and the first fault.
func (m *Source) read(ctx context.Context, t tree, namespace string) ([]source.Secret, error) {
	if len(t.faults) > 0 {
		return nil, t.faults[0]
	}
	r := reading{source: m, seen: make(map[string]*manifest)}
	budget := int64(maxTreeBytes)
	for _, path := range t.files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		text, err := readFile(path, budget)
		if err != nil {
			return nil, err
		}
		budget -= int64(len(text))
		if err := r.file(path, text); err != nil {
			return nil, err
		}
	}
	return r.secrets(namespace), nil
}

// reading collects the Secrets of one pass over the files.
type reading struct {
	source   *Source
	seen     map[string]*manifest
	selected []*manifest
}

// file stops at the first fault. Faults of parsing come first: such a document may be one that a writer has not finished.
func (r *reading) file(path string, text []byte) error {
	documents := parseFile(path, text)
	for _, d := range documents {
		if d.err != nil {
			return d.err
		}
	}
	for _, d := range documents {
		for m, err := range d.secrets(r.source.defaultNamespace) {
			if err == nil {
				err = r.secret(m)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// secret keeps a Secret that the selector selects. Two Secrets of one name are a fault, because the order of files would decide between
// them. Two that the selector does not select are none.
func (r *reading) secret(m *manifest) error {
	isSelected := m.isSelected(r.source.selector)
	if m.isNameless || m.madeElsewhere {
		if isSelected {
			r.selected = append(r.selected, m)
		}
		return nil
	}
	other := r.seen[m.key()]
	r.seen[m.key()] = m
	if !isSelected && (other == nil || !other.isSelected(r.source.selector)) {
		return nil
	}
	if other != nil {
		return m.fail("remove one, or rename it", "Secret %s is in %s already", m.key(), other.place)
	}
	r.selected = append(r.selected, m)
	return nil
}

func (r *reading) secrets(namespace string) []source.Secret {
	secrets := make(map[string]source.Secret)
	for _, m := range r.selected {
		if namespace != "" && namespace != m.obj.Namespace {
			continue
		}
		s := m.decode()
		if m.isNameless {
			s.Key = m.place.key(r.source.path, r.source.defaultNamespace)
		}
		if _, isMade := r.seen[s.Key]; m.madeElsewhere && isMade { // the same tree holds the Secret and what a controller makes it from
			continue
		}
		secrets[s.Key] = s
	}
	return slices.SortedFunc(maps.Values(secrets), func(a, b source.Secret) int { return cmp.Compare(a.Key, b.Key) })
}

// readFile returns a file's content, at most limit bytes.
func readFile(path string, limit int64) ([]byte, error) {
	// O_NONBLOCK, because the file may have been replaced by a FIFO since stat, and nobody may ever write to a FIFO.
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0) // #nosec G304 -- the operator names the tree
	if err != nil {
		return nil, treeError(hintFor(err), "reading manifests: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, place{file: path}.fail(hintRegular, "is not a regular file")
	}
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	switch {
	case err != nil:
		return nil, treeError("", "reading manifests: %w", err)
	case int64(len(text)) > limit:
		return nil, treeError("is it the right path?", "reading manifests: more than %d MiB", maxTreeBytes>>20)
	}
	return text, nil
}
