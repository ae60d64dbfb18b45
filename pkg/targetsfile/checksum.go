package targetsfile

import (
	"bufio"
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
	entries []*Entry
	states  [][]byte // the hash's state after each so many of the entries
}

// entriesPerState is a compromise: the state of a hash takes as much memory as a third of a target.
const entriesPerState = 64

// of hashes what comes after the entries that the list has in common with the one before. An entry is immutable: the same one has the same
// bytes.
func (c *checksums) of(entries []*Entry) string {
	same := 0
	for same < min(len(entries), len(c.entries)) && entries[same] == c.entries[same] {
		same++
	}
	states := c.states[:min(len(c.states), same/entriesPerState)]
	hash := sha256.New()
	out := bufio.NewWriter(hash) // a hash takes everything, so no write fails
	if n := len(states); n == 0 || !resume(hash, states[n-1]) {
		states = nil
		_ = out.WriteByte('[')
	}
	for i := len(states) * entriesPerState; i < len(entries); i++ {
		if i > 0 {
			_ = out.WriteByte(',')
		}
		_, _ = out.WriteString(entries[i].encoded)
		if (i+1)%entriesPerState == 0 && i/entriesPerState == len(states) {
			_ = out.Flush()
			states = appendState(states, hash)
		}
	}
	_ = out.WriteByte(']')
	_ = out.Flush()
	c.entries, c.states = entries, states
	return "sha256:" + hex.EncodeToString(hash.Sum(nil))
}

// resume and appendState do nothing with a hash whose state cannot be had: the hashes of crypto/sha256 promise theirs, those that builds of Go
// for a system's own cryptography put in their place may not.

func resume(hash hash.Hash, state []byte) bool {
	h, ok := hash.(encoding.BinaryUnmarshaler)
	return ok && h.UnmarshalBinary(state) == nil
}

func appendState(states [][]byte, hash hash.Hash) [][]byte {
	if h, ok := hash.(encoding.BinaryMarshaler); ok {
		if state, err := h.MarshalBinary(); err == nil {
			return append(states, state)
		}
	}
	return states
}
