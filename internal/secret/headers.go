package secret

import (
	"fmt"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// header is one HTTP header before it is checked.
type header struct {
	name, value string
	field       string // to blame, if it is not the field headers
	where       string // in the field: a public name or a position
	broken      string // the rule that it breaks already
	cure        string // what to do about that
}

// setHeaders checks the headers and adds them to the target.
func (d *draft) setHeaders(headers []header) {
	if len(headers) == 0 {
		return
	}
	// Two bytes of a Secret can be a broken header and a hundred bytes of message; the message ends up in the snapshot.
	const reported = 10
	broken := 0
	names := make(map[string]bool, len(headers))
	d.target.Headers = make(map[string]string, len(headers))
	for _, h := range headers {
		rule, hint := h.check()
		folded := strings.ToLower(h.name) // HTTP does not tell them apart, and a receiver would see one of the two
		if rule == "" && names[folded] {
			rule = "a header of this name is there already"
		}
		if rule == "" {
			names[folded] = true
			d.target.Headers[strings.Clone(h.name)] = strings.Clone(h.value)
			continue
		}
		if broken++; broken <= reported {
			d.rejectHeader(h, rule, hint)
		}
	}
	if broken > reported {
		d.reject(fieldHeaders, fmt.Sprintf("%d more are broken", broken-reported), "correct the others first")
	}
}

func (d *draft) rejectHeader(h header, rule, hint string) {
	if h.field == "" {
		h.field = fieldHeaders
	}
	if h.where != "" {
		rule = h.where + ": " + rule
	}
	d.reject(h.field, rule, hint)
}

// check returns the rule that the header breaks, RFC 9110 section 5.
func (h header) check() (rule, hint string) {
	switch {
	case h.broken != "":
		return h.broken, h.cure
	case !httpguts.ValidHeaderFieldName(h.name):
		return "the name must be letters, digits and !#$%&'*+-.^_`|~", "no spaces, no colon"
	case strings.TrimSpace(h.value) == "":
		return "the value must not be empty", "set it, or leave the header out"
	case !httpguts.ValidHeaderFieldValue(h.value):
		return "the value must not hold line breaks or control characters", "echo adds a line break, printf does not"
	}
	return "", ""
}

// headerLabel names a header in a message. The name of a broken header is shown if it could be a header's.
func headerLabel(index int, name string) string {
	const longest = 64
	if len(name) <= longest && httpguts.ValidHeaderFieldName(name) {
		return name
	}
	return fmt.Sprintf("entry %d", index+1)
}
