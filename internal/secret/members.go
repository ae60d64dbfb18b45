package secret

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth bounds how deep arrays and objects may nest. Package json stops at 10 000, and a snapshot nests a target four levels
// deeper: without a bound of its own one Secret could make a file that no reader accepts. Readers in other languages give up far
// earlier, jq 1.6 at 257.
const maxDepth = 100

// jsonFault says why a JSON document that is well formed is refused all the same.
type jsonFault struct {
	rule string
	key  string // the top-level key at fault, if it may be shown
}

// member is one key of a JSON object and its value as written.
type member struct {
	key   string
	value []byte // aliases the document
}

// membersOf returns the members of a JSON object in their order. It refuses what package json lets pass: a key that occurs twice
// in one object (at any depth; one of the two values would silently win) and depth beyond [maxDepth]. One pass over the bytes does
// both; doc must be valid JSON.
func membersOf(doc []byte) ([]member, *jsonFault) {
	s := memberReader{doc: doc}
	for s.pos < len(doc) {
		switch c := doc[s.pos]; c {
		case '{', '[':
			s.open = append(s.open, container{object: c == '{', wantKey: c == '{'})
			if len(s.open) > maxDepth {
				return nil, s.fault("must not nest deeper than 100 levels")
			}
		case '}', ']':
			s.endValue()
			s.open = s.open[:len(s.open)-1]
		case ',':
			s.endValue()
			top := &s.open[len(s.open)-1]
			top.wantKey = top.object
		case '"':
			if rule := s.text(); rule != "" {
				return nil, s.fault(rule)
			}
			continue
		}
		s.pos++
	}
	return s.members, nil
}

// CheckJSON returns the rule that a valid JSON document breaks, empty if none: the same rules hold for a whole file as for what one Secret
// holds.
func CheckJSON(doc []byte) (rule string) {
	if _, fault := membersOf(doc); fault != nil {
		return fault.rule
	}
	return ""
}

// memberReader goes through a document once.
type memberReader struct {
	doc     []byte
	pos     int
	open    []container // from the outermost to the one around pos
	members []member    // of the outermost object; the last one's value is open
	start   int         // of the last member's value
}

// container is an object or array that is not closed yet.
type container struct {
	object  bool
	wantKey bool
	keys    keySet
}

// endValue completes the last member of the outermost object.
func (s *memberReader) endValue() {
	if len(s.open) != 1 || len(s.members) == 0 {
		return
	}
	last := &s.members[len(s.members)-1]
	if last.value == nil {
		last.value = bytes.TrimSpace(s.doc[s.start:s.pos])
	}
}

// text steps over a string. If it is a key it must be new in its object.
func (s *memberReader) text() (rule string) {
	begin := s.pos
	for s.pos++; s.doc[s.pos] != '"'; s.pos++ {
		if s.doc[s.pos] == '\\' {
			s.pos++
		}
	}
	s.pos++
	top := len(s.open) - 1
	if top < 0 || !s.open[top].wantKey {
		return ""
	}
	s.open[top].wantKey = false
	key, ok := unquote(s.doc[begin:s.pos])
	if !ok {
		return "must not hold a key with a broken Unicode escape"
	}
	if top == 0 {
		s.members = append(s.members, member{key: key})
		s.start = s.pos + bytes.IndexByte(s.doc[s.pos:], ':') + 1
	}
	if !s.open[top].keys.add(key) {
		return "must not hold the same key twice in one object"
	}
	return ""
}

// fault blames the top-level key at the position, if it may be shown.
func (s *memberReader) fault(rule string) *jsonFault {
	f := &jsonFault{rule: rule}
	if n := len(s.members); n > 0 && IsIdentifier(s.members[n-1].key) {
		f.key = s.members[n-1].key
	}
	return f
}

// keySet holds the keys of one object: in a list while they are few, as in nearly all Secrets, then in a map, so that an object of
// a hundred thousand keys is no attack.
type keySet struct {
	few  []string
	many map[string]struct{}
}

// add reports whether key is new.
func (k *keySet) add(key string) bool {
	const few = 12
	if k.many == nil && len(k.few) < few {
		known := slices.Contains(k.few, key)
		k.few = append(k.few, key)
		return !known
	}
	if k.many == nil {
		k.many = make(map[string]struct{}, 2*few)
		for _, other := range k.few {
			k.many[other] = struct{}{}
		}
	}
	_, known := k.many[key]
	k.many[key] = struct{}{}
	return !known
}

// unquote decodes a valid JSON string. It fails on half of a surrogate pair, an escape that stands for no character: package json would
// put U+FFFD in its place, and so change a credential, without a word. U+FFFD written as such is a character like others.
func unquote(raw []byte) (string, bool) {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1]), true
	}
	if holdsHalfPair(raw) {
		return "", false
	}
	var s string
	err := json.Unmarshal(raw, &s)
	return s, err == nil
}

func holdsHalfPair(raw []byte) bool {
	const size = len(`\ud83d`)
	for len(raw) > 1 {
		switch {
		case raw[0] != '\\':
			raw = raw[1:]
		case raw[1] != 'u':
			raw = raw[2:]
		case !utf16.IsSurrogate(escaped(raw)):
			raw = raw[size:]
		case !bytes.HasPrefix(raw[size:], []byte(`\u`)) || utf16.DecodeRune(escaped(raw), escaped(raw[size:])) == utf8.RuneError:
			return true
		default:
			raw = raw[2*size:]
		}
	}
	return false
}

// escaped returns the number in the escape at the beginning of text, which is well formed.
func escaped(text []byte) rune {
	n, _ := strconv.ParseUint(string(text[2:6]), 16, 16)
	return rune(n)
}
