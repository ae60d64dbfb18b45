package discovery

import (
	"cmp"
	"context"
	"slices"
)

// read reads the files of a tree. It returns Secrets ascending by key, or no Secret and the first fault.
func (m *Manifests) read(ctx context.Context, t tree, namespace string) ([]Secret, error) {
	if t.err != nil {
		return nil, t.err
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
	source   *Manifests
	seen     map[string]*manifest
	selected []*manifest
}

func (r *reading) file(path string, text []byte) error {
	documents, err := parseFile(path, text)
	if err != nil {
		return err
	}
	for _, d := range documents {
		if err := r.object(d.place, d.value, ""); err != nil {
			return err
		}
	}
	return nil
}

// object takes an object of any kind. Those in a list of one kind need not repeat it, they have the list's.
func (r *reading) object(at place, value any, kind string) error {
	object, ok := value.(map[string]any)
	if !ok {
		return at.fail(hintParse, "not an object")
	}
	version := "v1"
	if kind == "" || object["kind"] != nil {
		kind, _ = object["kind"].(string)
		version, _ = object["apiVersion"].(string)
	}
	if kind == "" || version == "" {
		// As with kubectl. It also tells the first half of a manifest from a whole one.
		return at.fail("move what is no manifest out of the tree", "no kind and apiVersion: not a manifest")
	}
	switch {
	case version != "v1":
		return nil
	case kind == "List":
		return r.list(at, object, "")
	case kind == "SecretList":
		return r.list(at, object, "Secret")
	case kind == "Secret":
		return r.secret(newManifest(at, object, r.source.defaultNamespace))
	}
	return nil
}

func (r *reading) list(at place, object map[string]any, kind string) error {
	items, ok := object["items"].([]any)
	if !ok && object["items"] != nil {
		return at.fail(hintParse, "items must be an array")
	}
	for i, item := range items {
		at.item = i + 1
		if err := r.object(at, item, kind); err != nil {
			return err
		}
	}
	return nil
}

// secret keeps a Secret that the selector selects. Two of one name are a fault, because the order of files would decide between
// them, unless neither is selected.
func (r *reading) secret(m *manifest) error {
	selects := r.source.selector.Matches
	other := r.seen[m.key()]
	r.seen[m.key()] = m
	if !selects(m.labels) && (other == nil || !selects(other.labels)) {
		return nil
	}
	if err := m.checkName(); err != nil {
		return err
	}
	if other != nil {
		return m.fail("remove one, or rename it", "Secret %s is in %s already", m.key(), other.place)
	}
	r.selected = append(r.selected, m)
	return nil
}

func (r *reading) secrets(namespace string) []Secret {
	var secrets []Secret
	for _, m := range r.selected {
		if namespace == "" || namespace == m.obj.Namespace {
			secrets = append(secrets, m.decode())
		}
	}
	slices.SortFunc(secrets, func(a, b Secret) int { return cmp.Compare(a.Key, b.Key) })
	return secrets
}
