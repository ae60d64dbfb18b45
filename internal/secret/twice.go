package secret

import (
	"bytes"
	"slices"
)

// span is where a key stands: in the document, or behind its end with the keys that had to be decoded. Keys are compared where they
// stand, because a document may have a hundred thousand.
type span struct{ begin, end int }

func (s *memberReader) bytes(key span) []byte {
	if n := len(s.doc); key.begin >= n {
		return s.decoded[key.begin-n : key.end-n]
	}
	return s.doc[key.begin:key.end]
}

// hasTwice reports whether the innermost object has one key twice, and forgets its keys.
func (s *memberReader) hasTwice() bool {
	top := s.open[len(s.open)-1]
	key, twice := s.findTwice(s.keys[top.firstKey:])
	if twice && len(s.open) == 1 {
		s.twice = string(s.bytes(key))
	}
	s.keys = s.keys[:top.firstKey]
	return twice
}

// findTwice compares each key with each while they are few, as in nearly all Secrets, and sorts them otherwise.
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
