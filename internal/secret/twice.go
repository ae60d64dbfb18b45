package secret

import (
	"bytes"
	"slices"
)

// span is where a key stands: an offset in the document or, for a key that had to be decoded, the document's length and an offset in the
// decoded keys. Keys are compared where they stand, because a document may have a hundred thousand.
type span struct{ begin, end int }

func (s *memberReader) bytes(key span) []byte {
	if n := len(s.doc); key.begin >= n {
		return s.decoded[key.begin-n : key.end-n]
	}
	return s.doc[key.begin:key.end]
}

// hasTwice reports whether the innermost object has one key twice, and drops the keys of that object.
func (s *memberReader) hasTwice() bool {
	top := s.open[len(s.open)-1]
	key, twice := s.findTwice(s.keys[top.firstKey:])
	if twice && len(s.open) == 1 {
		s.twice = string(s.bytes(key))
	}
	s.keys = s.keys[:top.firstKey]
	return twice
}

// findTwice returns a key that is there twice. It compares few keys, as nearly all Secrets have, each with each, and sorts many.
func (s *memberReader) findTwice(keys []span) (span, bool) {
	const few = 12
	if len(keys) > few {
		slices.SortFunc(keys, func(a, b span) int { return bytes.Compare(s.bytes(a), s.bytes(b)) })
		for i := 1; i < len(keys); i++ {
			if bytes.Equal(s.bytes(keys[i-1]), s.bytes(keys[i])) {
				return keys[i], true
			}
		}
		return span{}, false
	}
	for i, key := range keys {
		for _, other := range keys[:i] {
			if bytes.Equal(s.bytes(key), s.bytes(other)) {
				return key, true
			}
		}
	}
	return span{}, false
}
