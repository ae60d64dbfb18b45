package bench

import (
	"fmt"
	"os"
	"strings"
)

// WriteSection replaces what stands in the document at path between the comments <!-- name --> and <!-- end of name -->. What people
// wrote stands outside.
func WriteSection(path, name, text string) error {
	data, err := os.ReadFile(path) // #nosec G304 -- the caller's document
	if err != nil {
		return fmt.Errorf("reading the document: %w", err)
	}
	begin, end := "<!-- "+name+" -->\n", "<!-- end of "+name+" -->\n"
	before, rest, begun := strings.Cut(string(data), begin)
	_, after, ended := strings.Cut(rest, end)
	if !begun || !ended {
		return fmt.Errorf("writing into %s: it has no section %q", path, name)
	}
	text = before + begin + "\n" + strings.TrimSpace(text) + "\n\n" + end + after
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil { // #nosec G306 G703 -- a document for everybody, where the caller wants it
		return fmt.Errorf("writing the document: %w", err)
	}
	return nil
}
