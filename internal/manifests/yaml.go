package manifests

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	goyaml "go.yaml.in/yaml/v2"
	kubeyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// yaml reads the YAML documents from an offset on, with kubectl's reader and converter.
func (p *parser) yaml(offset int) {
	lines := lineFeeder{text: p.text[offset:]}
	reader := kubeyaml.NewYAMLReader(bufio.NewReader(&lines))
	before := p.lineAt(offset) - 1
	for {
		first := before + lines.fed + 1
		part, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil { // the reader has dropped the document that ends at this marker
			p.begin(0)
			p.fail(before+lines.fed, hintParse, "not YAML: only a comment may follow --- on its line")
			continue
		}
		p.yamlDocument(part, first)
	}
}

// yamlDocument takes one document, which may consist of comments alone. A comment may hold bytes that are not UTF-8.
func (p *parser) yamlDocument(written []byte, first int) {
	part := bytes.ToValidUTF8(written, []byte("\ufffd"))
	text, err := yaml.YAMLToJSON(part)
	begin := first + leadingLines(part)
	switch {
	case err != nil:
		p.begin(begin)
		p.fail(first-1+lineOf(err, part), parseHint(part), "not YAML"+causeOf(err, part))
	case hasRemains(part):
		p.begin(begin)
		p.fail(begin, "begin each document with a line ---", "text remains after the document, which kubectl would not read")
	case string(text) == "null":
	case !utf8.Valid(written) && bytes.ContainsRune(text, utf8.RuneError) && !holdsBytes(part, text):
		p.begin(begin)
		p.fail(first-1+lineWhere(part, func(r rune) bool { return r == utf8.RuneError }), hintUTF8, "not UTF-8 text")
	default:
		p.begin(begin)
		if line, rule, hint := lossIn(part, text); rule != "" {
			p.fail(max(begin, first-1+line), hint, rule)
			return
		}
		p.take(text)
	}
}

// lineFeeder hands out one line at each Read, so that fed counts the lines that a [bufio.Reader] has passed on.
type lineFeeder struct {
	text []byte
	fed  int
}

// Read implements [io.Reader].
func (f *lineFeeder) Read(p []byte) (int, error) {
	if len(f.text) == 0 {
		return 0, io.EOF
	}
	n := len(f.text)
	if i := bytes.IndexByte(f.text, '\n'); i >= 0 {
		n = i + 1
	}
	n = copy(p, f.text[:n])
	if f.text[n-1] == '\n' || n == len(f.text) {
		f.fed++
	}
	f.text = f.text[n:]
	return n, nil
}

// leadingLines counts the lines of markers, comments and white space before the first line with content.
func leadingLines(part []byte) (n int) {
	for line := range bytes.Lines(part) {
		line = bytes.TrimSpace(bytes.TrimPrefix(line, []byte("---")))
		if len(line) > 0 && line[0] != '#' {
			return n
		}
		n++
	}
	return 0
}

// hasRemains reports whether anything follows the first document of a part, such as text after a line with dots, or a second JSON object.
func hasRemains(part []byte) bool {
	decoder := goyaml.NewDecoder(bytes.NewReader(part))
	var ignored struct{}
	_ = decoder.Decode(&ignored) // fails for what is not a mapping, which does not matter here
	return !errors.Is(decoder.Decode(&ignored), io.EOF)
}

// lineWhere returns the line, from 1, of the first character for which is returns true.
func lineWhere(text []byte, is func(rune) bool) int {
	return 1 + bytes.Count(text[:max(0, bytes.IndexFunc(text, is))], []byte("\n"))
}

// isForbidden reports whether a control character may not be in YAML. Package yaml does not say where it found one.
func isForbidden(r rune) bool {
	return unicode.IsControl(r) && !strings.ContainsRune("\t\n\r\u0085", r)
}

// lineOf returns the line, from 1, that an error of package yaml names.
func lineOf(err error, part []byte) int {
	match := regexp.MustCompile(`^yaml: line (\d+):`).FindStringSubmatch(err.Error())
	if match == nil {
		return lineWhere(part, isForbidden)
	}
	n, _ := strconv.Atoi(match[1])
	return min(max(n, 1), max(bytes.Count(part, []byte("\n")), 1))
}

// causeOf returns why a document is not YAML, if package yaml says so without a quotation.
func causeOf(err error, part []byte) string {
	if isTemplate(part) {
		return templateRule(part)
	}
	if strings.Contains(err.Error(), "unknown anchor") {
		return ": an alias has no anchor in its document"
	}
	for _, cause := range []string{
		"mapping values are not allowed in this context",
		"did not find expected key", "did not find expected '-' indicator", "did not find expected node content",
		"did not find expected ',' or '}'", "did not find expected ',' or ']'", "could not find expected ':'",
		"did not find expected <document start>", "found incompatible YAML document",
		"found character that cannot start any token", "found unexpected end of stream", "found unknown escape character",
		"control characters are not allowed", "document contains excessive aliasing",
	} {
		if strings.HasSuffix(err.Error(), cause) {
			return ": " + cause
		}
	}
	return ""
}
