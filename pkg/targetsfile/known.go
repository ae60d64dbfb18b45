package targetsfile

import (
	"crypto/sha256"
	"encoding/json"
)

// digest tells the compact bytes of one target from those of any other.
type digest [16]byte

func digestOf(encoded []byte) digest {
	sum := sha256.Sum256(encoded)
	return digest(sum[:])
}

// known holds targets that were decoded before, by the digests of their bytes. Decoding is nearly all of what loading a large file costs,
// and nearly all targets of a file were in the file before: the reader does not decode those again. A nil known holds no targets, and no
// digests are taken for it.
type known struct {
	targets  []Target
	byDigest map[digest]int
}

// of returns the target with that digest.
func (k *known) of(d digest) (Target, bool) {
	i, ok := k.byDigest[d]
	if !ok {
		return Target{}, false
	}
	return k.targets[i], true
}

// decode decodes an item, unless its target is known. With a nil k it returns no digest.
func (k *known) decode(item []byte) (e *Entry, d digest, err error) {
	e = &Entry{}
	if err := e.pack(item); err != nil {
		return nil, d, err
	}
	if k != nil {
		d = digestOf(e.encoded)
		if target, ok := k.of(d); ok {
			e.Target = target
			return e, d, nil
		}
	}
	return e, d, json.Unmarshal(e.encoded, (*wireTarget)(&e.Target))
}
