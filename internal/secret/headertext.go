package secret

import (
	"iter"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// readFlatHeaders returns the headers of the flat key headers. The first character that belongs to no name tells which of three forms the
// text has:
//
//   - { a JSON object of strings;
//   - : lines of Name: value;
//   - = or anything else: name=value, name=value.
//
// In the second form a line that looks like several headers is refused: one header would be lost in the value of another.
func (d *draft) readFlatHeaders(text string) []header {
	if strings.HasPrefix(text, "{") {
		members, ok := d.membersOf(fieldHeaders, []byte(text))
		if !ok {
			return nil
		}
		return headersOf(members)
	}
	pieces, separator, parse := strings.SplitSeq(text, ","), ",", parsePair
	if mark := strings.TrimLeftFunc(text, isTokenRune); strings.HasPrefix(strings.TrimLeft(mark, " \t"), ":") {
		pieces, separator, parse = nonBlankLines(text), "\n", parseLine
	}
	most := strings.Count(text, separator) + 1
	if most > maxEntries {
		d.reject(ruleEntries, fieldHeaders)
		return nil
	}
	headers := make([]header, 0, most+1) // with room for the header of api_key or auth_token
	for piece := range pieces {
		h := parse(piece)
		// Messages show the position, not the name: after a comma inside a value a piece of that value is in the place of a name.
		h.position = len(headers) + 1
		headers = append(headers, h)
	}
	return headers
}

func nonBlankLines(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for line := range strings.SplitSeq(text, "\n") {
			if line = strings.TrimSpace(line); line != "" && !yield(line) {
				return
			}
		}
	}
}

// parsePair parses name=value. The value may hold the character = as well, as base64 does.
func parsePair(text string) header {
	name, value, ok := strings.Cut(text, "=")
	h := header{name: strings.TrimSpace(name), value: strings.TrimSpace(value)}
	if !ok {
		h.broken = ruleHeaderPair
	}
	return h
}

// parseLine parses Name: value.
func parseLine(line string) header {
	name, value, ok := strings.Cut(line, ":")
	h := header{name: strings.TrimSpace(name), value: strings.TrimSpace(value)}
	switch {
	case !ok || strings.HasPrefix(line, "#") || strings.Contains(name, "="):
		h.broken = ruleHeaderLine
	case holdsHeader(value):
		h.broken = ruleHeaderOne
	}
	return h
}

// holdsHeader reports whether a value holds the beginning of another header: Name: and a space, behind a comma, a semicolon or a line break
// that a template left as \n.
func holdsHeader(value string) bool {
	for {
		i := strings.IndexAny(value, `,;\`)
		if i < 0 {
			return false
		}
		escape := value[i] == '\\'
		value = value[i+1:]
		if escape && !strings.HasPrefix(value, "n") {
			continue
		}
		if escape {
			value = value[1:]
		}
		name := strings.TrimLeft(value, " \t")
		after := strings.TrimLeftFunc(name, isTokenRune)
		if len(after) < len(name) && (strings.HasPrefix(after, ": ") || after == ":") {
			return true
		}
	}
}

func isTokenRune(c rune) bool { return httpguts.IsTokenRune(c) }
