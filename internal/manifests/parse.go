package manifests

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"unicode"
	"unicode/utf8"

	utf16 "golang.org/x/text/encoding/unicode"

	"github.com/alert-history/refresh-sidecar/internal/secret"
)

const (
	hintParse   = "correct the file, it is read again when it changes"
	hintRegular = "give it another name, or move it out of the tree"
)

// document is one document of a file, decoded to what JSON and YAML have in common.
type document struct {
	place
	value any
	err   error // why there is no value
}

// parseFile returns the documents of a file without those that are empty or null. A file without any other document is a fault: it may
// have been truncated to be written again.
//
// It reads as kubectl does: a file that begins with a brace or a bracket is a stream of JSON values, whatever the file is called; every
// other file consists of YAML documents. What kubectl loses in silence is a fault here.
func parseFile(path string, text []byte) []document {
	text, err := decodeText(path, text)
	if err != nil {
		return []document{{place: place{file: path}, err: err}}
	}
	p := parser{text: text, at: place{file: path}}
	if first := bytes.TrimLeftFunc(text, unicode.IsSpace); len(first) > 0 && (first[0] == '{' || first[0] == '[') {
		p.json()
	} else {
		p.yaml(0)
	}
	if len(p.documents) == 0 {
		return []document{{place: p.at, err: p.at.fail("write a manifest into it, or remove it", "holds no document")}}
	}
	return p.documents
}

// parser is one pass over a file.
type parser struct {
	text      []byte
	at        place // the place of the document that was begun last
	documents []document
}

// lineAt returns the line in which an offset lies.
func (p *parser) lineAt(offset int) int { return 1 + bytes.Count(p.text[:offset], []byte("\n")) }

// begin gives the next document its place.
func (p *parser) begin(line int) {
	p.at.document++
	p.at.line = line
}

func (p *parser) fail(line int, hint, rule string) {
	at := p.at
	at.line = line
	p.documents = append(p.documents, document{place: at, err: at.fail(hint, "%s", rule)})
}

// json reads a stream of JSON values up to the first broken value: nothing tells where the next one would begin. If the first or the
// second value is broken, the rest may be YAML, such as {kind: Secret}, or a --- after JSON; kubectl reads it as YAML, too.
func (p *parser) json() {
	decoder := json.NewDecoder(bytes.NewReader(p.text))
	for read := 0; ; read++ {
		end := int(decoder.InputOffset())
		var raw json.RawMessage
		err := decoder.Decode(&raw)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			if read > 1 || !p.yamlAfter(end) {
				p.begin(0)
				p.fail(p.lineAt(p.breakOf(err)), parseHint(p.text[end:]), "not JSON"+templateRule(p.text[end:]))
			}
			return
		}
		if string(raw) == "null" {
			continue
		}
		p.begin(p.lineAt(int(decoder.InputOffset()) - len(raw)))
		switch {
		case !utf8.Valid(raw):
			p.fail(p.at.line, hintUTF8, "not UTF-8 text")
		default:
			p.take(raw)
		}
	}
}

// yamlAfter reads what follows an offset as YAML, and reports whether it is YAML.
func (p *parser) yamlAfter(offset int) bool {
	rest := p.text[offset:]
	space := len(rest) - len(bytes.TrimLeftFunc(rest, unicode.IsSpace))
	if i := bytes.IndexByte(rest[:space], '\n'); i >= 0 {
		space = i + 1
	}
	before, at := len(p.documents), p.at
	p.yaml(offset + space)
	if len(p.documents) > before && p.documents[before].err != nil {
		p.documents, p.at = p.documents[:before], at
		return false
	}
	return true
}

// breakOf returns the offset of a syntax error; text that ends too early breaks at its end.
func (p *parser) breakOf(err error) int {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return secret.BreakAt(p.text, syntax)
	}
	return len(p.text)
}

// take decodes one document that is JSON, or was converted to JSON.
func (p *parser) take(raw []byte) {
	if rule := secret.CheckJSON(raw); rule != "" {
		p.fail(p.at.line, hintParse, rule)
		return
	}
	var value any
	_ = json.Unmarshal(raw, &value) // can fail only for a number out of range, and no number matters here
	p.documents = append(p.documents, document{place: p.at, value: value})
}

// templateRule says what the text of a file that is not well formed probably is.
func templateRule(text []byte) string {
	if isTemplate(text) {
		return ": it looks like a Helm template"
	}
	return ""
}

func parseHint(text []byte) string {
	if isTemplate(text) {
		return hintTemplate
	}
	return hintParse
}

const hintUTF8 = "save it as UTF-8"

// decodeText returns a file's content as UTF-8 without a byte order mark, as kubectl does. PowerShell writes UTF-16, and many editors on
// Windows a byte order mark. What kubectl would replace by U+FFFD without a word is a fault.
func decodeText(path string, text []byte) ([]byte, error) {
	at := place{file: path}
	for mark, order := range map[string]utf16.Endianness{"\xff\xfe": utf16.LittleEndian, "\xfe\xff": utf16.BigEndian} {
		units, marked := bytes.CutPrefix(text, []byte(mark))
		if !marked {
			continue
		}
		encoding := utf16.UTF16(order, utf16.IgnoreBOM)
		decoded, err := encoding.NewDecoder().Bytes(units)
		if err != nil {
			return nil, at.fail(hintUTF8, "not UTF-16, though it begins with the byte order mark of it")
		}
		if back, err := encoding.NewEncoder().Bytes(decoded); err != nil || !bytes.Equal(back, units) {
			return nil, at.fail(hintUTF8, "not UTF-16, though it begins with the byte order mark of it")
		}
		text = decoded
		break
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	if i := bytes.IndexByte(text, 0); i >= 0 {
		at.line = 1 + bytes.Count(text[:i], []byte("\n"))
		return nil, at.fail(hintUTF8, "holds NUL bytes: UTF-16 without a byte order mark, or no text at all")
	}
	return text, nil
}
