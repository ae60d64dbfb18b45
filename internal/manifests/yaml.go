package manifests

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
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
		if err != nil { // the reader has dropped the document that the marker ends
			p.begin(0)
			p.fail(before+lines.fed, hintParse, "not YAML: only a comment may follow --- on its line")
			continue
		}
		p.yamlDocument(part, first)
	}
}

// yamlDocument takes one document, which may be nothing but comments.
func (p *parser) yamlDocument(part []byte, first int) {
	first += leadingLines(part)
	text, err := yaml.YAMLToJSON(part)
	switch {
	case !utf8.Valid(part):
		p.begin(first)
		p.fail(first+bytes.Count(part[:invalidAt(part)], []byte("\n"))-leadingLines(part), hintUTF8, "not UTF-8 text")
	case err != nil:
		p.begin(first)
		p.fail(lineOf(err, first-leadingLines(part), bytes.Count(part, []byte("\n"))), parseHint(part), "not YAML"+causeOf(err, part))
	case hasRemains(part):
		p.begin(first)
		p.fail(first, "begin each document with a line ---", "text remains after the document, which kubectl would not read")
	case string(text) == "null":
	default:
		p.begin(first)
		if line, rule, hint := lossIn(part, text); rule != "" {
			p.fail(first-leadingLines(part)+line-1, hint, rule)
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

// leadingLines counts the lines of markers, comments and white space before the first that says something.
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

// invalidAt returns the offset of the first byte that is not UTF-8.
func invalidAt(text []byte) int {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return len(text)
}

// hasRemains reports whether anything follows the first document of a part, such as text after a line with dots, or a second JSON object.
func hasRemains(part []byte) bool {
	decoder := goyaml.NewDecoder(bytes.NewReader(part))
	var ignored struct{}
	_ = decoder.Decode(&ignored) // minds what is no mapping
	return !errors.Is(decoder.Decode(&ignored), io.EOF)
}

// lineOf returns the line that an error of package yaml names, counted from the file's beginning.
func lineOf(err error, first, lines int) int {
	match := regexp.MustCompile(`^yaml: line (\d+):`).FindStringSubmatch(err.Error())
	if match == nil {
		return first
	}
	n, _ := strconv.Atoi(match[1])
	return first + min(max(n, 1), max(lines, 1)) - 1
}

// causeOf returns why a document is not YAML, if package yaml says so without a quotation.
func causeOf(err error, part []byte) string {
	if isTemplate(part) {
		return templateRule(part)
	}
	for _, cause := range []string{
		"mapping values are not allowed in this context",
		"did not find expected key", "did not find expected '-' indicator", "did not find expected node content", "did not find expected <document start>",
		"did not find expected ',' or '}'", "did not find expected ',' or ']'", "could not find expected ':'",
		"found character that cannot start any token", "found unexpected end of stream", "found unknown escape character",
		"control characters are not allowed", "document contains excessive aliasing",
	} {
		if strings.HasSuffix(err.Error(), cause) {
			return ": " + cause
		}
	}
	return ""
}
