package targetsfile

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// decodeEntry decodes one target. Nearly all that a file holds is as [NewEntry] encodes it, and is cut apart without package json, which
// takes ten times as long; it decodes the rest.
func decodeEntry(encoded []byte) (*Entry, error) {
	if !utf8.Valid(encoded) {
		return nil, errSyntax
	}
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
	s.skip(`{"name":`)
	e.Name = strings.Clone(s.text()) // the index keeps it for longer than the rest
	s.skip(`,"type":`)
	e.Type = s.text()
	s.skip(`,"url":`)
	e.URL = s.text()
	s.skip(`,"format":`)
	e.PayloadFormat = s.text()
	s.skip(`,"enabled":`)
	if e.Enabled = s.has("true"); !e.Enabled {
		s.skip("false")
	}
	s.skip(`,"headers":{`)
	e.Headers = map[string]string{}
	s.members(func(name string) { e.Headers[name] = s.text() })
	s.skip(`,"filter_config":`)
	e.FilterConfig = s.value()
	if s.has(`,"extra":{`) {
		e.Extra = map[string]json.RawMessage{}
		s.members(func(name string) { e.Extra[name] = s.value() })
	}
	s.skip(`,"secret":`)
	e.Secret = s.text()
	if s.has(`,"secret_uid":`) {
		e.SecretUID = s.text()
	}
	if s.has(`,"stale_since":`) && !s.failed {
		s.failed = e.StaleSince.UnmarshalText([]byte(s.text())) != nil
		e.StaleSince = e.StaleSince.UTC()
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

// text reads a string without escapes.
func (s *scanner) text() (text string) {
	s.skip(`"`)
	text, rest, ended := strings.Cut(s.rest, `"`)
	for i := range len(text) {
		ended = ended && text[i] >= ' ' && text[i] != '\\'
	}
	s.rest, s.failed = rest, s.failed || !ended
	return text
}

// members reads the members of an object and its last brace. read reads a value.
func (s *scanner) members(read func(name string)) {
	for first := true; !s.failed && !s.has("}"); first = false {
		if !first {
			s.skip(",")
		}
		name := s.text()
		s.skip(":")
		read(name)
	}
}

// value reads any compact value.
func (s *scanner) value() json.RawMessage {
	length := valueEnd(s.rest)
	value := json.RawMessage(s.rest[:length])
	if string(value) != "{}" {
		var compact bytes.Buffer
		s.failed = s.failed || json.Compact(&compact, value) != nil || compact.Len() != length
	}
	s.rest = s.rest[length:]
	return value
}

// valueEnd returns the length of a valid JSON value at the beginning of a list's or an object's rest, white space behind it included. It
// tells strings and brackets from the rest and checks nothing else.
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
		case depth == 0 && (c == ',' || c == '}' || c == ']'):
			return i
		case c == '}' || c == ']':
			depth--
		}
	}
	return len(rest)
}
