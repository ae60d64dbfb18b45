package manifests

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strconv"

	"sigs.k8s.io/yaml"

	"github.com/alert-history/refresh-sidecar/internal/secret"
)

// document is one document of a file, decoded as far as every format goes.
type document struct {
	place
	value any
	err   error // why there is no value
}

// parseFile returns the documents of a file that are not empty. There must be one: a file that is empty now was truncated to be
// written again.
func parseFile(path string, text []byte) []document {
	parse := parseYAML
	if filepath.Ext(path) == ".json" {
		parse = parseJSON // YAML rejects some JSON, such as surrogate pairs and \/
	}
	documents := parse(path, text)
	if len(documents) == 0 {
		at := place{file: path}
		documents = []document{{place: at, err: at.fail("write a manifest into it, or remove it", "holds no document")}}
	}
	return documents
}

const (
	hintParse   = "correct the file, it is read again when it changes"
	hintRegular = "give it another name, or move it out of the tree"
)

// parseJSON ends at the first document that is broken: there is no telling where the next one begins.
func parseJSON(path string, text []byte) []document {
	var documents []document
	for decoder := json.NewDecoder(bytes.NewReader(text)); ; {
		at := place{file: path, document: len(documents) + 1}
		var raw json.RawMessage
		if err := decoder.Decode(&raw); errors.Is(err, io.EOF) {
			return documents
		} else if err != nil {
			return append(documents, document{place: at, err: at.fail(hintParse, "not JSON near line %d", lineAt(text, err))})
		}
		if rule := secret.CheckJSON(raw); rule != "" {
			documents = append(documents, document{place: at, err: at.fail(hintParse, "%s", rule)})
			continue
		}
		var value any
		_ = json.Unmarshal(raw, &value) // can only mind a number out of range, and no number matters here
		documents = append(documents, document{place: at, value: value})
	}
}

// lineAt returns the line of a syntax error, or the last one of a file that ends too early.
func lineAt(text []byte, err error) int {
	end := int64(len(text))
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		end = min(end, syntax.Offset)
	}
	return 1 + bytes.Count(text[:end], []byte("\n"))
}

// parseYAML splits the documents itself, because the library reads only the first.
func parseYAML(path string, text []byte) []document {
	var documents []document
	number, line := 0, 1
	for _, part := range splitYAML(text) {
		first := line
		line += bytes.Count(part, []byte("\n"))
		if isBlankYAML(part) {
			continue
		}
		number++
		d := document{place: place{file: path, document: number}}
		if err := yaml.UnmarshalStrict(part, &d.value); err != nil {
			d.err = d.fail(hintParse, "not YAML%s", lineOf(err, first, line))
		}
		documents = append(documents, d)
	}
	return documents
}

// splitYAML cuts before each line that begins a document, and after each that ends one.
func splitYAML(text []byte) [][]byte {
	var parts [][]byte
	begin := 0
	for pos := 0; pos < len(text); {
		end := len(text)
		if i := bytes.IndexByte(text[pos:], '\n'); i >= 0 {
			end = pos + i + 1
		}
		switch line := text[pos:end]; {
		case isMarker(line, "---") && pos > begin:
			parts = append(parts, text[begin:pos])
			begin = pos
		case isMarker(line, "..."):
			parts = append(parts, text[begin:end])
			begin = end
		}
		pos = end
	}
	return append(parts, text[begin:])
}

// isMarker reports whether a line begins or ends a document. Something may follow it on the line, after a space.
func isMarker(line []byte, marker string) bool {
	rest, ok := bytes.CutPrefix(line, []byte(marker))
	return ok && (len(rest) == 0 || bytes.IndexByte([]byte(" \t\r\n"), rest[0]) >= 0)
}

// isBlankYAML reports whether a document consists of markers, directives, comments and white space: the output of Helm is full of
// such.
func isBlankYAML(part []byte) bool {
	for line := range bytes.Lines(part) {
		for _, marker := range []string{"---", "..."} {
			if isMarker(line, marker) {
				line = line[len(marker):]
				break
			}
		}
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' && line[0] != '%' {
			return false
		}
	}
	return true
}

// lineOf returns the line that an error of package yaml names, counted from the file's beginning. Nothing else of its text is safe.
func lineOf(err error, first, last int) string {
	match := regexp.MustCompile(`line (\d+):`).FindStringSubmatch(err.Error())
	if match == nil {
		return ""
	}
	n, _ := strconv.Atoi(match[1])
	if n += first - 1; n < first || n > last {
		return "" // then it was quoted from the file
	}
	return fmt.Sprintf(" near line %d", n)
}
