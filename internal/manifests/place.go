package manifests

import (
	"fmt"

	"github.com/alert-history/refresh-sidecar/internal/source"
)

// place says where in the tree an object stands.
type place struct {
	file     string
	document int // from 1
	item     int // of a List, from 1; 0: not in one
}

// String returns the place as messages name it.
func (p place) String() string {
	text := fmt.Sprintf("%q", p.file)
	if p.document > 0 {
		text += fmt.Sprintf(" document %d", p.document)
	}
	if p.item > 0 {
		text += fmt.Sprintf(" item %d", p.item)
	}
	return text
}

// fail returns an error about the place. Its text must not come from a parser, for those quote what they read.
func (p place) fail(hint, format string, args ...any) error {
	return &source.Error{Type: source.ParseError, Hint: hint, Err: &placeError{place: p, rule: fmt.Sprintf(format, args...)}}
}

// placeError is a fault in the tree, for those who tell the place apart from the rule.
type placeError struct {
	place
	rule string
}

// Error describes the fault.
func (e *placeError) Error() string { return fmt.Sprintf("reading manifests: %s: %s", e.place, e.rule) }

// treeError returns an error about the tree. It is transient, whatever it is: the next writer of the files may be the cure.
func treeError(hint, format string, args ...any) error {
	return &source.Error{Type: source.ParseError, Hint: hint, Err: fmt.Errorf(format, args...)}
}
