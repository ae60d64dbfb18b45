package secret

import (
	"strings"
)

// placeholderIn says what a template, a generator or an encryption tool has left in the place of a value; it is empty if the value shows
// no such trace. No credential in use looks like one of these kinds.
func placeholderIn(value string) string {
	switch {
	case holds(value, "${", "}"):
		return "an unfilled ${…}"
	case holds(value, "{{", "}}"):
		return "an unfilled {{…}}"
	case holds(value, "<path:", ">"), strings.Contains(value, "<no value>"):
		return "an unfilled <…>"
	}
	return placeholderAround(value)
}

// placeholderAround names the kind of a value that is a placeholder from its first to its last character.
func placeholderAround(value string) string {
	switch {
	case encloses(value, "<", ">"):
		return "an unfilled <…>"
	case encloses(value, "ENC[", "]"):
		return "the encrypted ENC[…]"
	case strings.HasPrefix(value, "vault:"):
		return "a reference vault:…"
	case encloses(value, `"`, `"`), encloses(value, "'", "'"), encloses(value, "`", "`"):
		return "text in quotes"
	case encloses(value, "{", "}"):
		return "a JSON object"
	case len(value) >= 3 && isRepeated(value):
		return "one character repeated"
	}
	return ""
}

// placeholderInURL looks at a URL as a whole, and for a path segment or a parameter that was crossed out, as in the manuals of Slack. A
// repeated digit may be a number, and no abbreviation repeats a letter eight times.
func placeholderInURL(text string) string {
	if left := placeholderIn(text); left != "" {
		return left
	}
	for rest := text; len(rest) >= 8; {
		end := strings.IndexAny(rest, "/?&=#")
		if end < 0 {
			end = len(rest)
		}
		if part := rest[:end]; len(part) >= 8 && isRepeated(part) && (part[0] < '0' || '9' < part[0]) {
			return "one character repeated"
		}
		rest = rest[min(end+1, len(rest)):]
	}
	return ""
}

// placeholderInCredential looks at a credential as a whole, and behind the scheme of a header Authorization.
func placeholderInCredential(value string) string {
	if left := placeholderIn(value); left != "" {
		return left
	}
	_, credential := cutScheme(value)
	return placeholderAround(credential)
}

// holds reports whether both marks are in the value, in their order.
func holds(value, begin, end string) bool {
	_, rest, ok := strings.Cut(value, begin)
	return ok && strings.Contains(rest, end)
}

// encloses reports whether the value stands between the two marks.
func encloses(value, begin, end string) bool {
	return len(value) >= len(begin)+len(end) && strings.HasPrefix(value, begin) && strings.HasSuffix(value, end)
}

func isRepeated(value string) bool { return strings.Trim(value, value[:1]) == "" }
