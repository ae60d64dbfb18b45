package bench

import (
	"fmt"
	"os"
	"strings"
)

// Markers around the part of a document that is measured. What people wrote stands outside.
const (
	sectionBegin = "<!-- measured: do not edit, see the command above -->\n"
	sectionEnd   = "<!-- end of what is measured -->\n"
)

// WriteSection replaces what stands between the markers in the document at path.
func WriteSection(path, section string) error {
	data, err := os.ReadFile(path) // #nosec G304 -- the caller's document
	if err != nil {
		return fmt.Errorf("reading the document: %w", err)
	}
	before, rest, begun := strings.Cut(string(data), sectionBegin)
	_, after, ended := strings.Cut(rest, sectionEnd)
	if !begun || !ended {
		return fmt.Errorf("writing into %s: it has no markers around what is measured", path)
	}
	text := before + sectionBegin + "\n" + strings.TrimSpace(section) + "\n\n" + sectionEnd + after
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil { // #nosec G306 G703 -- a document for everybody, where the caller wants it
		return fmt.Errorf("writing the document: %w", err)
	}
	return nil
}
