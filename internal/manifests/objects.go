package manifests

import (
	"iter"
	"strings"
)

// secrets yields each Secret of the document, alone or in lists, and an error in the place of what cannot be read as an object.
func (d document) secrets(defaultNamespace string) iter.Seq2[*manifest, error] {
	return func(yield func(*manifest, error) bool) {
		if d.err != nil {
			yield(nil, d.err)
			return
		}
		v := visitor{defaultNamespace: defaultNamespace, yield: yield}
		v.object(d.place, d.value)
	}
}

// others yields the objects of the document that are not Secrets.
func (d document) others() iter.Seq2[place, map[string]any] {
	return func(yield func(place, map[string]any) bool) {
		if d.err == nil {
			v := visitor{yield: func(*manifest, error) bool { return true }, other: yield}
			v.object(d.place, d.value)
		}
	}
}

// visitor goes through the objects of one document until yield has had enough.
type visitor struct {
	defaultNamespace string
	yield            func(*manifest, error) bool
	other            func(place, map[string]any) bool // takes objects that are not Secrets; nil: they are passed over
	items            int                              // items so far, those of lists in lists included
}

// object takes an object of any kind. Like kubectl it takes every object with items for a list.
func (v *visitor) object(at place, value any) bool {
	object, ok := value.(map[string]any)
	if !ok {
		return v.yield(nil, at.fail(hintParse, "not an object"))
	}
	kind, _ := object["kind"].(string)
	version, _ := object["apiVersion"].(string)
	if kind == "" || version == "" {
		// kubectl refuses this, too. It is also how the first half of a manifest shows that it is not the whole.
		return v.yield(nil, at.fail("move what is no manifest out of the tree", "no kind and apiVersion: not a manifest"))
	}
	items, isList := object["items"].([]any)
	switch {
	case version == "v1" && (kind == "List" || kind == "SecretList") && object["items"] != nil && !isList:
		return v.yield(nil, at.fail(hintParse, "items must be an array"))
	case version == "v1" && kind == "Secret" || isEncryptedWhole(object):
		return v.yield(newManifest(at, object, v.defaultNamespace), nil)
	case isList && at.item > 0 && v.other != nil && !v.other(at, object):
		return false
	case isList:
		return v.list(at, items, object)
	}
	if maker := makerOf(version, kind); maker != nil {
		return v.yield(maker.manifest(at, object, v.defaultNamespace), nil)
	}
	return v.other == nil || v.other(at, object)
}

// list takes the items of a list. In a list such as a SecretList the items may leave out kind and apiVersion, which are then the list's;
// this does not hold for a list inside another list.
func (v *visitor) list(at place, items []any, list map[string]any) bool {
	outermost := at.item == 0
	for _, item := range items {
		if object, ok := item.(map[string]any); ok && outermost && !hasText(object["kind"]) && !hasText(object["apiVersion"]) {
			kind, _ := list["kind"].(string)
			object["kind"], object["apiVersion"] = strings.TrimSuffix(kind, "List"), list["apiVersion"]
		}
		v.items++
		at.item = v.items
		if !v.object(at, item) {
			return false
		}
	}
	return true
}

func hasText(value any) bool {
	text, ok := value.(string)
	return ok && text != ""
}
