package targetsfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"
	"unicode/utf8"
)

// timeFormat is how every time stands in the file: UTC, milliseconds always written, so that equal documents are equal bytes.
const timeFormat = "2006-01-02T15:04:05.000Z"

// Entry is a target together with its encoded bytes. The bytes are made once, where the target is decoded, so that a publication
// copies what did not change instead of encoding it again. An entry in a [Document] is immutable, and documents share their entries.
type Entry struct {
	Target
	encoded string // compact; most strings of the target are parts of it
}

// NewEntry encodes t. It fails only when FilterConfig or a value of Extra is not JSON.
func NewEntry(t Target) (*Entry, error) {
	if t.Headers == nil {
		t.Headers = map[string]string{}
	}
	if len(t.FilterConfig) == 0 {
		t.FilterConfig = json.RawMessage("{}")
	}
	since, config, extra := t.StaleSince, t.FilterConfig, t.Extra
	t.StaleSince, t.FilterConfig, t.Extra = time.Time{}, json.RawMessage("{}"), nil
	encoded, err := encodeCompact(wireTarget(t))
	if err != nil {
		return nil, err
	}
	if encoded, err = insertRaw(encoded, config, extra); err != nil {
		return nil, err
	}
	e, err := decodeEntry(encoded)
	if err != nil || since.IsZero() {
		return e, err
	}
	return e.Stale(since), nil
}

// insertRaw writes FilterConfig and Extra into an encoded target that lacks them, but for white space between tokens character for character.
// As a json.RawMessage they would pass through package json, which from Go 1.27 on escapes U+2028 and U+2029 in one: the bytes of what a
// Secret says do not depend on the Go of their writer.
func insertRaw(encoded []byte, config json.RawMessage, extra map[string]json.RawMessage) ([]byte, error) {
	const key = `,"filter_config":` // no string holds it, since a quote in a string is escaped
	head, tail, _ := bytes.Cut(encoded, []byte(key+"{}"))
	out := bytes.NewBuffer(make([]byte, 0, 2*len(encoded)+len(config)))
	out.Write(head)
	out.WriteString(key)
	if !compactInto(out, config) {
		return nil, errors.New("filter_config is not JSON")
	}
	before := `,"extra":{`
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		quoted, err := encodeCompact(name)
		if err != nil {
			return nil, err
		}
		out.WriteString(before)
		out.Write(quoted)
		out.WriteByte(':')
		value := extra[name]
		if value == nil {
			value = json.RawMessage("null")
		}
		if !compactInto(out, value) {
			return nil, errors.New("a value of extra is not JSON")
		}
		before = ","
	}
	if len(extra) > 0 {
		out.WriteByte('}')
	}
	out.Write(tail)
	return out.Bytes(), nil
}

// compactInto appends text without the white space between its tokens, if it is JSON.
func compactInto(out *bytes.Buffer, text []byte) bool {
	return utf8.Valid(text) && json.Compact(out, text) == nil
}

// Size returns the length of the encoded target in bytes.
func (e *Entry) Size() int { return len(e.encoded) }

// Equal reports whether both entries are the same bytes in a file.
func (e *Entry) Equal(o *Entry) bool { return e == o || e.encoded == o.encoded }

// Stale returns the entry marked as stale since then, or the entry itself if it is stale already. Fields of the file that this
// version does not know survive.
func (e *Entry) Stale(since time.Time) *Entry {
	if !e.StaleSince.IsZero() {
		return e
	}
	stale := &Entry{Target: e.Target}
	stale.StaleSince = since.UTC().Truncate(time.Millisecond)
	stale.encoded = e.encoded[:len(e.encoded)-len("}")] + `,"stale_since":"` + stale.StaleSince.Format(timeFormat) + `"}`
	return stale
}

// encodeCompact encodes v on one line without HTML escaping: the & of a URL stays as it was written.
func encodeCompact(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}
