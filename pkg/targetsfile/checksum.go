package targetsfile

import (
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"hash"
)

// Checksum returns the checksum of a document with these entries: "sha256:" and the SHA-256, in hex, of their compact encodings
// as one JSON array.
func Checksum(entries []*Entry) string { return new(checksums).of(entries) }

// checksums computes the checksums of lists that have much in common, one after the other. The zero value is ready.
type checksums struct {
	entries []*Entry // of the last list
	states  [][]byte // the hash's state after each entriesPerState of them
	hash    hash.Hash
}

// entriesPerState is a compromise: the state of a hash takes as much memory as a third of a target.
const entriesPerState = 64

// begin begins with another list, and returns how many of its entries need not be added: those which the last list began with. An entry is
// immutable, so the same one has the same bytes.
func (c *checksums) begin(entries []*Entry) (known int) {
	for known < min(len(entries), len(c.entries)) && entries[known] == c.entries[known] {
		known++
	}
	c.entries, c.hash = entries, sha256.New()
	c.states = c.states[:min(len(c.states), max(0, min(known, len(entries)-1))/entriesPerState)] // each is that before a further entry
	if n := len(c.states); n > 0 {
		if h, ok := c.hash.(encoding.BinaryUnmarshaler); ok && h.UnmarshalBinary(c.states[n-1]) == nil {
			return n * entriesPerState
		}
	}
	c.states = nil
	c.hash.Write([]byte("["))
	return 0
}

// add adds the item that appendItem makes of entry i.
func (c *checksums) add(i int, item []byte) {
	c.hash.Write(item)
	// The hashes of crypto/sha256 promise their state. Those that builds of Go for a system's own cryptography put in their place may not.
	if h, ok := c.hash.(encoding.BinaryMarshaler); ok && (i+1)%entriesPerState == 0 && i+1 < len(c.entries) {
		state, _ := h.MarshalBinary()
		c.states = append(c.states, state)
	}
}

func (c *checksums) end() string {
	c.hash.Write([]byte("]"))
	return "sha256:" + hex.EncodeToString(c.hash.Sum(nil))
}

func (c *checksums) of(entries []*Entry) string {
	var item []byte
	for i := c.begin(entries); i < len(entries); i++ {
		item = appendItem(item[:0], entries, i)
		c.add(i, item)
	}
	return c.end()
}

// appendItem appends the encoding of an entry, and the comma that divides it from the next.
func appendItem(to []byte, entries []*Entry, i int) []byte {
	to = append(to, entries[i].encoded...)
	if i+1 < len(entries) {
		to = append(to, ',')
	}
	return to
}
