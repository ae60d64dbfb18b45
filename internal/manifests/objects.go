package manifests

import "iter"

// secrets yields each Secret of the document, alone or in lists, and in their place what cannot be read as an object at all.
func (d document) secrets(defaultNamespace string) iter.Seq2[*manifest, error] {
	return func(yield func(*manifest, error) bool) {
		if d.err != nil {
			yield(nil, d.err)
			return
		}
		visitor{defaultNamespace: defaultNamespace, yield: yield}.object(d.place, d.value, "")
	}
}

// others yields the objects of the document that are no Secrets.
func (d document) others() iter.Seq2[place, map[string]any] {
	return func(yield func(place, map[string]any) bool) {
		if d.err == nil {
			visitor{yield: func(*manifest, error) bool { return true }, other: yield}.object(d.place, d.value, "")
		}
	}
}

// visitor goes through the objects of one document until yield has had enough.
type visitor struct {
	defaultNamespace string
	yield            func(*manifest, error) bool
	other            func(place, map[string]any) bool // takes what is no Secret; nil: nothing does
}

// object takes an object of any kind. Those in a list of one kind need not repeat it, they have the list's.
func (v visitor) object(at place, value any, kind string) bool {
	object, ok := value.(map[string]any)
	if !ok {
		return v.yield(nil, at.fail(hintParse, "not an object"))
	}
	version := "v1"
	if kind == "" || object["kind"] != nil {
		kind, _ = object["kind"].(string)
		version, _ = object["apiVersion"].(string)
	}
	if kind == "" || version == "" {
		// As with kubectl. It also tells the first half of a manifest from a whole one.
		return v.yield(nil, at.fail("move what is no manifest out of the tree", "no kind and apiVersion: not a manifest"))
	}
	switch {
	case version == "v1" && kind == "List":
		return v.list(at, object, "")
	case version == "v1" && kind == "SecretList":
		return v.list(at, object, "Secret")
	case version == "v1" && kind == "Secret":
		return v.yield(newManifest(at, object, v.defaultNamespace), nil)
	}
	return v.other == nil || v.other(at, object)
}

func (v visitor) list(at place, object map[string]any, kind string) bool {
	items, ok := object["items"].([]any)
	if !ok && object["items"] != nil {
		return v.yield(nil, at.fail(hintParse, "items must be an array"))
	}
	for i, item := range items {
		at.item = i + 1
		if !v.object(at, item, kind) {
			return false
		}
	}
	return true
}
