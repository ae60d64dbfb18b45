package manifests

import (
	"fmt"
	"iter"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/alert-history/refresh-sidecar/internal/source"
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

// place says where in the tree an object stands.
type place struct {
	file     string
	document int // counted from 1; 0: the file as a whole
	item     int // the place in a List, from 1; 0: outside of a List
	line     int // the line of the file, from 1; 0: not known
}

// String returns the place as messages name it.
func (p place) String() string {
	text := fmt.Sprintf("%q", p.file)
	if p.line > 0 {
		text += fmt.Sprintf(" line %d", p.line)
	}
	return text + p.within()
}

// within names the document and item.
func (p place) within() (text string) {
	if p.document > 0 {
		text += fmt.Sprintf(" document %d", p.document)
	}
	if p.item > 0 {
		text += fmt.Sprintf(" item %d", p.item)
	}
	return text
}

// key stands in for namespace/name where a Secret has no name, or an impossible one. The key holds a space, as no name of a Secret can. The
// line is left out: it moves with every edit further up in the file.
func (p place) key(root, namespace string) string {
	path, err := filepath.Rel(root, p.file)
	if err != nil || path == "." {
		path = filepath.Base(p.file)
	}
	return namespace + "/" + url.PathEscape(path) + p.within()
}

// fail returns an error about the place. The text must not come from a parser: parsers quote what they read.
func (p place) fail(hint, format string, args ...any) error {
	return &source.Error{Type: source.ParseError, Hint: hint, Err: &placeError{place: p, rule: fmt.Sprintf(format, args...)}}
}

// placeError is a fault at a place in the tree, for callers that show place and rule apart.
type placeError struct {
	place
	rule string
}

// Error describes the fault.
func (e *placeError) Error() string { return fmt.Sprintf("reading manifests: %s: %s", e.place, e.rule) }

// treeError returns an error about the tree. Every such error is transient: the next change of the files may be the cure.
func treeError(hint, format string, args ...any) error {
	return &source.Error{Type: source.ParseError, Hint: hint, Err: fmt.Errorf(format, args...)}
}
