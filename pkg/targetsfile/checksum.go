package targetsfile

import (
	"crypto/sha256"
	"encoding"
	"encoding/hex"
)

// Checksum returns the checksum of a document with these entries: "sha256:" and the SHA-256, in hex, of their compact encodings
// as one JSON array.
func Checksum(entries []*Entry) string { return new(checksums).of(entries) }

// checksums computes the checksums of lists that have much in common, one after the other. The zero value is ready.
type checksums struct {
	entries []*Entry // of the last list
	states  [][]byte // the hash's state after each entriesPerState of them
}

// entriesPerState is a compromise: the state of a hash takes as much memory as a third of a target.
const entriesPerState = 64

// of returns the checksum of another list. What it begins with like the last one is not hashed again: an entry is immutable, so the same one has
// the same bytes.
func (c *checksums) of(entries []*Entry) string {
	same := 0
	for same < min(len(entries), len(c.entries)) && entries[same] == c.entries[same] {
		same++
	}
	c.entries = entries
	c.states = c.states[:min(len(c.states), max(0, min(same, len(entries)-1))/entriesPerState)] // each is that before a further entry
	sum := sha256.New()
	// The hashes of crypto/sha256 promise their state. Those that builds of Go for a system's own cryptography put in their place may not.
	state, hasState := sum.(interface {
		encoding.BinaryMarshaler
		encoding.BinaryUnmarshaler
	})
	if n := len(c.states); n == 0 || state.UnmarshalBinary(c.states[n-1]) != nil {
		c.states = nil
		sum.Write([]byte("["))
	}
	var item []byte
	for i := len(c.states) * entriesPerState; i < len(entries); i++ {
		item = appendItem(item[:0], entries, i)
		sum.Write(item)
		if hasState && (i+1)%entriesPerState == 0 && i+1 < len(entries) {
			saved, _ := state.MarshalBinary()
			c.states = append(c.states, saved)
		}
	}
	sum.Write([]byte("]"))
	return "sha256:" + hex.EncodeToString(sum.Sum(nil))
}

// appendItem appends the encoding of an entry, and the comma that divides it from the next.
func appendItem(to []byte, entries []*Entry, i int) []byte {
	to = append(to, entries[i].encoded...)
	if i+1 < len(entries) {
		to = append(to, ',')
	}
	return to
}
