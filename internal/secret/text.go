package secret

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// unquote decodes a valid JSON string, which must not hold half of a surrogate pair.
func unquote(raw []byte) string {
	raw = raw[1 : len(raw)-1]
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw)
	}
	return string(appendUnquoted(make([]byte, 0, len(raw)), raw))
}

// endOfString returns where a JSON string ends whose content begins at pos, and whether the content holds an escape.
func endOfString(doc []byte, pos int) (end int, escaped bool) {
	end = pos + bytes.IndexByte(doc[pos:], '"')
	first := bytes.IndexByte(doc[pos:end], '\\')
	if first < 0 {
		return end, false
	}
	for end = pos + first; doc[end] != '"'; end++ {
		if doc[end] == '\\' {
			end++
		}
	}
	return end, true
}

// hasHalfPair reports whether the content of a valid JSON string escapes half of a surrogate pair, which stands for no character.
func hasHalfPair(raw []byte) bool {
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		if i++; raw[i] != 'u' {
			continue
		}
		if first := codeUnit(raw[i+1:]); utf16.IsSurrogate(first) {
			rest := raw[i+5:]
			if !bytes.HasPrefix(rest, []byte(`\u`)) || utf16.DecodeRune(first, codeUnit(rest[2:])) == utf8.RuneError {
				return true
			}
			i += 6
		}
		i += 4
	}
	return false
}

// appendUnquoted appends the content of a valid JSON string, decoded. Package json decodes only into memory of its own, several hundred
// bytes for each string.
func appendUnquoted(dst, raw []byte) []byte {
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c != '\\' {
			dst = append(dst, c)
			continue
		}
		i++
		switch c = raw[i]; c {
		case 'u':
			r := codeUnit(raw[i+1:])
			if utf16.IsSurrogate(r) {
				r = utf16.DecodeRune(r, codeUnit(raw[i+7:]))
				i += 6
			}
			dst = utf8.AppendRune(dst, r)
			i += 4
		case 'b', 'f', 'n', 'r', 't':
			dst = append(dst, "\b\f\n\r\t"[bytes.IndexByte([]byte("bfnrt"), c)])
		default:
			dst = append(dst, c) // a quote, a slash or a backslash
		}
	}
	return dst
}

// codeUnit returns what the four hexadecimal digits after \u say.
func codeUnit(digits []byte) rune {
	n, _ := strconv.ParseUint(string(digits[:4]), 16, 16) // cannot fail: the string is valid
	return rune(n)
}
