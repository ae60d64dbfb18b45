package secret

import (
	"bytes"
	"slices"
	"strconv"
)

const (
	// maxDepth bounds how deep arrays and objects may nest. A snapshot nests what a Secret holds three levels deeper, and a parser that
	// goes less deep refuses the whole file: by default System.Text.Json stops at 64 levels, Ruby's at 100, serde_json at 128, jq 1.6 at
	// 256, package json at 10 000.
	maxDepth = 60
	// maxEntries bounds the members of a document, the headers and the flat keys. A Secret has room for a hundred times as many, and
	// decoding so many takes fifty times the memory of the Secret.
	maxEntries = 1000
)

// jsonFault says why a JSON document that is well formed is refused all the same.
type jsonFault struct {
	rule ID
	key  string // the top-level key at fault, if it may be shown
}

// member is one key of a JSON object and its value as written.
type member struct {
	key   string
	value []byte // a part of the document, not a copy
}

// membersOf returns the members of a JSON object in their order; doc must be valid JSON. It refuses what package json lets pass, in one
// pass over the bytes: a key that occurs twice in one object at any depth (one of the two values would silently win), depth beyond
// [maxDepth], half of a surrogate pair and a number beyond a double's range anywhere (other parsers refuse the whole file for either),
// and more members than [maxEntries].
func membersOf(doc []byte) ([]member, *jsonFault) {
	s := memberReader{doc: doc, collect: true, members: make([]member, 0, 12)}
	fault := s.read()
	return s.members, fault
}

// checkJSON refuses what membersOf refuses, except a large number of members.
func checkJSON(doc []byte) *jsonFault {
	s := memberReader{doc: doc}
	return s.read()
}

// CheckJSON returns the text of the rule that a valid JSON document breaks; it is empty if the document breaks none. For a whole file the
// same rules hold as for the JSON in one Secret.
func CheckJSON(doc []byte) (rule string) {
	if fault := checkJSON(doc); fault != nil {
		return fault.rule.rule().Text
	}
	return ""
}

// memberReader goes through a document once.
type memberReader struct {
	doc     []byte
	collect bool // keep the members of the outermost object
	pos     int
	open    []container // the containers around pos, the outermost first
	keys    []span      // the keys of all open objects, in the order of open
	decoded []byte      // the keys that are written with escapes, decoded
	members []member    // the members of the outermost object; the last one may lack its value so far
	start   int         // where the last member's value begins
	twice   string      // the key that the outermost object has twice
}

// container is an object or array that is not closed yet.
type container struct {
	object   bool
	wantKey  bool
	firstKey int // the index of the object's first key in memberReader.keys
}

func (s *memberReader) read() *jsonFault {
	for s.pos < len(s.doc) {
		if id := s.step(); id != "" {
			return &jsonFault{rule: id, key: s.culprit()}
		}
	}
	return nil
}

// step goes over one token. It returns the rule that the token breaks.
func (s *memberReader) step() ID {
	switch c := s.doc[s.pos]; c {
	case '"':
		return s.text()
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return s.number()
	case '{', '[':
		if len(s.open) == maxDepth {
			return ruleDepth
		}
		s.open = append(s.open, container{object: c == '{', wantKey: c == '{', firstKey: len(s.keys)})
	case '}', ']':
		s.endValue()
		if s.hasTwice() {
			return ruleTwice
		}
		s.open = s.open[:len(s.open)-1]
	case ',':
		s.endValue()
		top := &s.open[len(s.open)-1]
		top.wantKey = top.object
	}
	s.pos++
	return ""
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

// number steps over a number. Only one with an exponent, or with hundreds of digits, can be beyond a double.
func (s *memberReader) number() ID {
	const short = 300
	begin, suspect := s.pos, false
	for ; s.pos < len(s.doc); s.pos++ {
		if c := s.doc[s.pos]; c == 'e' || c == 'E' {
			suspect = true
		} else if (c < '0' || '9' < c) && c != '.' && c != '-' && c != '+' {
			break
		}
	}
	if suspect || s.pos-begin > short {
		if _, err := strconv.ParseFloat(string(s.doc[begin:s.pos]), 64); err != nil {
			return ruleNumber
		}
	}
	return ""
}

// text steps over a string, and remembers it if it is a key.
func (s *memberReader) text() ID {
	begin := s.pos + 1
	end, escaped := endOfString(s.doc, begin)
	s.pos = end + 1
	if escaped && hasHalfPair(s.doc[begin:end]) {
		return ruleSurrogate
	}
	if len(s.open) == 0 || !s.open[len(s.open)-1].wantKey {
		return ""
	}
	s.open[len(s.open)-1].wantKey = false
	key := span{begin, end}
	if escaped {
		key.begin = len(s.doc) + len(s.decoded)
		s.decoded = appendUnquoted(s.decoded, s.doc[begin:end])
		key.end = len(s.doc) + len(s.decoded)
	}
	if len(s.keys) == cap(s.keys) {
		s.keys = slices.Grow(s.keys, max(16, len(s.keys))) // append grows in smaller steps, and so allocates twice as much
	}
	s.keys = append(s.keys, key)
	if len(s.open) > 1 || !s.collect {
		return ""
	}
	if len(s.members) == maxEntries {
		return ruleEntries
	}
	s.members = append(s.members, member{key: string(s.bytes(key))})
	s.start = s.pos + bytes.IndexByte(s.doc[s.pos:], ':') + 1
	return ""
}

// culprit returns the top-level key around the position, or the top-level key that is there twice, if that key may be shown.
func (s *memberReader) culprit() string {
	key := s.twice
	if n := len(s.members); n > 0 && s.members[n-1].value == nil {
		key = s.members[n-1].key
	}
	if !IsIdentifier(key) {
		return ""
	}
	return key
}
