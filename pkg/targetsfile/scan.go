package targetsfile

import (
	"bytes"
	"encoding/json"
	"strings"
)

// decodeEntry decodes one target, which is UTF-8. Nearly all that a file holds is as [NewEntry] encodes it, and is cut apart without package
// json, whose decoding is most of what a first file would cost; it decodes the rest.
func decodeEntry(encoded []byte) (*Entry, error) {
	if e, ok := scanEntry(string(encoded)); ok {
		return e, nil
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, encoded); err != nil {
		return nil, err
	}
	e := &Entry{encoded: compact.String()}
	if err := json.Unmarshal(compact.Bytes(), (*wireTarget)(&e.Target)); err != nil {
		return nil, err
	}
	e.StaleSince = e.StaleSince.UTC()
	return e, nil
}

// scanEntry decodes a target that is encoded just as NewEntry encodes it, without escapes in strings. For every such target the result is
// that of package json.
func scanEntry(encoded string) (*Entry, bool) {
	e := &Entry{encoded: encoded}
	s := scanner{rest: encoded}
	e.Name = strings.Clone(s.text(`{"name":"`)) // the index keeps it for longer than the rest
	e.Type = s.text(`,"type":"`)
	e.URL = s.text(`,"url":"`)
	e.PayloadFormat = s.text(`,"format":"`)
	if e.Enabled = s.has(`,"enabled":true`); !e.Enabled {
		s.skip(`,"enabled":false`)
	}
	s.skip(`,"headers":{`)
	e.Headers = map[string]string{}
	s.members(func(name string) { e.Headers[name] = s.text(`:"`) })
	e.FilterConfig = s.value(`,"filter_config":`)
	if s.has(`,"extra":{`) {
		e.Extra = map[string]json.RawMessage{}
		s.members(func(name string) { e.Extra[name] = s.value(":") })
	}
	e.Secret = s.text(`,"secret":"`)
	if strings.HasPrefix(s.rest, `,"secret_uid"`) {
		e.SecretUID = s.text(`,"secret_uid":"`)
	}
	s.skip("}")
	return e, !s.failed && s.rest == ""
}

// scanner reads JSON of which it knows the layout.
type scanner struct {
	rest   string
	failed bool // something else stood there; what was read since means nothing
}

// has reads past a text, if it comes next.
func (s *scanner) has(text string) (found bool) {
	s.rest, found = strings.CutPrefix(s.rest, text)
	return found
}

func (s *scanner) skip(text string) { s.failed = !s.has(text) || s.failed }

// text reads a string without escapes behind another text, which ends with its first quote.
func (s *scanner) text(behind string) string {
	s.skip(behind)
	text, rest, ended := strings.Cut(s.rest, `"`)
	for i := range len(text) {
		ended = ended && text[i] >= ' ' && text[i] != '\\'
	}
	s.rest, s.failed = rest, s.failed || !ended
	return text
}

// members reads the members of an object and its last brace. read reads a colon and a value.
func (s *scanner) members(read func(name string)) {
	for begin := `"`; !s.failed && !s.has("}"); begin = `,"` {
		read(s.text(begin))
	}
}

// value reads any compact value behind a text.
func (s *scanner) value(behind string) json.RawMessage {
	s.skip(behind)
	length := valueEnd(s.rest)
	value := json.RawMessage(s.rest[:length])
	if string(value) != "{}" {
		var compact bytes.Buffer
		s.failed = s.failed || json.Compact(&compact, value) != nil || compact.Len() != length
	}
	s.rest = s.rest[length:]
	return value
}

// valueEnd returns the length of a valid JSON value or key at the beginning of a list's or an object's rest, white space behind it
// included. It tells strings and brackets from the rest and checks nothing else.
func valueEnd[T string | []byte](rest T) int {
	depth, quoted := 0, false
	for i := 0; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == '\\':
			i++ // valid JSON has it in strings only
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
		case depth == 0 && (c == ',' || c == ':' || c == '}' || c == ']'):
			return i
		case c == '}' || c == ']':
			depth--
		}
	}
	return len(rest)
}
