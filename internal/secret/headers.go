package secret

import (
	"fmt"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// header is one HTTP header before it is checked.
type header struct {
	name, value string
	field       string // the key that gave the header; empty: the field headers
	position    int    // the place in the field headers, from 1
	named       bool   // messages show the name, if a header can have it, and not the position
	broken      ID     // the rule that parsing found broken; empty: none
	details     []any  // what the text of that rule has to fill in
}

// headersOf returns the members of a JSON object as headers.
func headersOf(members []member) []header {
	headers := make([]header, len(members))
	for i, m := range members {
		headers[i] = header{name: m.key, position: i + 1, named: true}
		if m.value[0] != '"' {
			headers[i].broken = ruleHeaderString
			continue
		}
		headers[i].value = unquote(m.value)
	}
	return headers
}

// setHeaders checks the headers and adds them to the target.
func (d *draft) setHeaders(headers []header) {
	if len(headers) == 0 {
		return
	}
	broken := 0
	seen := make(map[string]bool, len(headers))
	d.target.Headers = make(map[string]string, len(headers))
	for _, h := range headers {
		id, details := h.check()
		if id == "" && len(headers) > 1 {
			folded := strings.ToLower(h.name) // HTTP does not tell upper from lower case, and a receiver would see one of the two
			if seen[folded] {
				id = ruleHeaderTwice
			}
			seen[folded] = true
		}
		if id != "" {
			if broken++; broken <= maxReported {
				d.rejectPart(id, h.blamed(), h.label(), details...)
			}
			continue
		}
		d.target.Headers[strings.Clone(h.name)] = strings.Clone(h.value)
		if left := placeholderIn(h.value); left != "" { // not a credential: there a placeholder is a fault
			d.warnPart(warnPlaceholder, fieldHeaders, h.label(), left)
		}
	}
	if broken > maxReported {
		d.reject(ruleHeadersMore, fieldHeaders, fmt.Sprint(broken-maxReported))
	}
}

// blamed returns the field that gave the header.
func (h header) blamed() string {
	if h.field == "" {
		return fieldHeaders
	}
	return h.field
}

// check returns the rule that the header breaks: one of RFC 9110 section 5, or for a credential a stricter one.
func (h header) check() (broken ID, details []any) {
	switch {
	case h.broken != "":
		return h.broken, h.details
	case !httpguts.ValidHeaderFieldName(h.name):
		return ruleHeaderName, nil
	case strings.TrimSpace(h.value) == "":
		return ruleHeaderEmpty, nil
	case !httpguts.ValidHeaderFieldValue(h.value):
		return ruleHeaderControl, nil
	case h.field == "" && strings.EqualFold(h.name, authorization):
		return checkAuthorization(h.value)
	}
	return "", nil
}

// label says in a message which header is meant.
func (h header) label() string {
	const longest = 64
	switch {
	case h.position == 0:
		return ""
	case h.named && len(h.name) <= longest && httpguts.ValidHeaderFieldName(h.name):
		return h.name
	}
	return fmt.Sprintf("entry %d", h.position)
}
