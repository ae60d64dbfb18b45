package manifests

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	goyaml "go.yaml.in/yaml/v2"
)

// lossIn says what a YAML document loses when it is converted to JSON, with the line in the document; rule is empty if nothing is lost.
// kubectl loses in silence the first of two equal keys, a key that stands before a merge key, and the bytes of a binary value.
func lossIn(part, text []byte) (line int, rule, hint string) {
	if holdsBytes(part, text) {
		return 1, "must not hold a !!binary value that is not UTF-8 text", "write it under data, in base64 and without the tag"
	}
	var read any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	_ = decoder.Decode(&read)
	if _, isMapping := read.(map[string]any); !isMapping {
		return 0, "", ""
	}
	var written goyaml.MapSlice // keeps equal keys apart, as no map can, and leaves out what is merged in
	_ = goyaml.Unmarshal(part, &written)
	switch loss, key := compare(written, read); loss {
	case lossTwice:
		return lineOfTwice(part, key), "must not hold the same key twice in one mapping", hintParse
	case lossMerged:
		return 1, "a merge key replaces a key that stands before it", "write << first in its mapping: what follows overrides it"
	}
	return 0, "", ""
}

// loss is a way to lose a value.
type loss int

const (
	lossNone loss = iota
	lossTwice
	lossMerged
)

// compare returns a key whose written value differs from the value that was read, and how that value got lost.
func compare(written, read any) (loss, any) {
	switch written := written.(type) {
	case goyaml.MapSlice:
		return compareMapping(written, read)
	case []any:
		items, _ := read.([]any)
		if len(items) != len(written) {
			return lossMerged, nil
		}
		for i, item := range written {
			if l, key := compare(item, items[i]); l != lossNone {
				return l, key
			}
		}
		return lossNone, nil
	}
	before, _ := json.Marshal(written)
	after, _ := json.Marshal(read)
	if !bytes.Equal(before, after) {
		return lossMerged, nil
	}
	return lossNone, nil
}

func compareMapping(written goyaml.MapSlice, read any) (loss, any) {
	seen := make(map[string]bool, len(written))
	for _, item := range written {
		name := keyText(item.Key)
		if seen[name] {
			return lossTwice, item.Key
		}
		seen[name] = true
	}
	mapping, ok := read.(map[string]any)
	if !ok {
		return lossMerged, nil
	}
	for _, item := range written {
		if l, key := compare(item.Value, mapping[keyText(item.Key)]); l != lossNone {
			return l, key
		}
	}
	return lossNone, nil
}

// keyText returns a key as the converter to JSON writes it: 1, true and "1", "true" become one.
func keyText(key any) string {
	if f, ok := key.(float64); ok {
		return strconv.FormatFloat(f, 'g', -1, 32)
	}
	return fmt.Sprint(key)
}

// lineOfTwice returns the line of the second of two equal keys, as a strict decoder names it.
func lineOfTwice(part []byte, key any) int {
	var ignored any
	if err, ok := errors.AsType[*goyaml.TypeError](goyaml.UnmarshalStrict(part, &ignored)); ok {
		i := slices.IndexFunc(err.Errors, func(text string) bool {
			return strings.HasSuffix(text, fmt.Sprintf(": key %#v already set in map", key))
		})
		var line int
		if i >= 0 {
			if _, err := fmt.Sscanf(err.Errors[i], "line %d:", &line); err == nil {
				return line
			}
		}
	}
	return 1
}

// holdsBytes reports whether a document holds a string that is not UTF-8, as !!binary makes one. Where text was converted, package json has
// written U+FFFD for each bad byte, as an escape or, from Go 1.27 on, as the character, which the document may hold by itself.
func holdsBytes(part, text []byte) bool {
	if !bytes.Contains(text, []byte(`\ufffd`)) && !bytes.ContainsRune(text, utf8.RuneError) {
		return false
	}
	var value any
	return goyaml.Unmarshal(part, &value) == nil && !isText(value)
}

// isText reports whether all strings in a value of package yaml are UTF-8.
func isText(value any) bool {
	switch value := value.(type) {
	case string:
		return utf8.ValidString(value)
	case []any:
		return !slices.ContainsFunc(value, func(item any) bool { return !isText(item) })
	case map[any]any:
		for key, item := range value {
			if !isText(key) || !isText(item) {
				return false
			}
		}
	}
	return true
}
