package manifests

import (
	"fmt"
	"net/url"
	"path/filepath"

	"github.com/alert-history/refresh-sidecar/internal/source"
)

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
