package secret

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// readDocument reads the target that the Secret's key holds as a JSON object.
func (d *draft) readDocument(key string, text []byte) {
	members, ok := d.membersOf(key, d.decodeTwice(key, text))
	if !ok {
		return
	}
	for _, m := range members {
		d.readMember(m)
	}
	if len(d.given) == 0 {
		d.reject(ruleFields, key)
		return
	}
	d.complete()
}

// decodeTwice returns text or, if text is the base64 encoding of a JSON object, that object: encoding by hand what kubectl encodes again is
// a common mistake, and apps have long accepted it.
func (d *draft) decodeTwice(key string, text []byte) []byte {
	text = bytes.TrimSpace(text)
	if isObject(text) {
		return text
	}
	decoded := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(decoded, text)
	if inner := bytes.TrimSpace(decoded[:n]); err == nil && isObject(inner) {
		d.warn(warnBase64, key)
		return inner
	}
	return text
}

// membersOf returns the members of the JSON object that is the value of a key, or rejects the value.
func (d *draft) membersOf(key string, doc []byte) ([]member, bool) {
	if !d.checkObject(key, doc) {
		return nil, false
	}
	members, fault := membersOf(doc)
	if fault == nil {
		return members, true
	}
	if fault.key != "" {
		key += "." + fault.key
	}
	d.reject(fault.rule, key)
	return nil, false
}

// checkObject reports whether the value of a key is a JSON object, or rejects it.
func (d *draft) checkObject(key string, doc []byte) bool {
	switch valid := json.Valid(doc); {
	case !utf8.Valid(doc):
		d.reject(ruleUTF8, key)
	case !valid && looksLikeYAML(doc):
		d.reject(ruleYAML, key)
	case !valid:
		d.reject(ruleJSON, key, breakOf(doc))
	case !isObject(doc):
		d.reject(ruleJSONObject, key)
	default:
		return true
	}
	return false
}

func isObject(doc []byte) bool { return len(doc) > 0 && doc[0] == '{' }

// breakOf says where doc stops being JSON. It does not say why: package json gives the reason only with a quotation of the document.
func breakOf(doc []byte) string {
	var discard json.RawMessage
	var syntax *json.SyntaxError
	if !errors.As(json.Unmarshal(doc, &discard), &syntax) {
		return "its end"
	}
	before := doc[:BreakAt(doc, syntax)]
	line := bytes.Count(before, []byte("\n")) + 1
	column := utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
	return fmt.Sprintf("line %d, column %d", line, column)
}

// BreakAt returns the offset of the character in text of which a syntax error tells, that of the backslash for a broken escape. Go 1.26 and
// 1.27 count differently within an escape and within a character of several bytes.
func BreakAt(text []byte, syntax *json.SyntaxError) int {
	const longest = len(`\u0000`)
	at := min(max(0, int(syntax.Offset)-1), len(text))
	from := max(0, at-longest)
	if i := bytes.LastIndexByte(text[from:min(at+2, len(text))], '\\'); i >= 0 && isBrokenEscape(text, from+i) {
		return from + i
	}
	for at > 0 && at < len(text) && !utf8.RuneStart(text[at]) {
		at--
	}
	return at
}

// isBrokenEscape reports whether the backslash at an offset begins what is no escape of JSON.
func isBrokenEscape(text []byte, at int) bool {
	before := text[:at]
	if slashes := len(before) - len(bytes.TrimRight(before, `\`)); slashes%2 == 1 {
		return false // it is escaped itself
	}
	escape := text[at+1:]
	if !bytes.HasPrefix(escape, []byte("u")) {
		return len(escape) == 0 || !bytes.ContainsRune([]byte(`"\/bfnrt`), rune(escape[0]))
	}
	digits := escape[1:min(5, len(escape))]
	return len(digits) < 4 || len(bytes.Trim(digits, "0123456789abcdefABCDEF")) > 0
}

// looksLikeYAML reports whether text that is not JSON begins as YAML does: with a document marker, or a key and a colon.
func looksLikeYAML(text []byte) bool {
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		key, value, ok := bytes.Cut(line, []byte(":"))
		return bytes.HasPrefix(line, []byte("---")) || ok && IsIdentifier(string(key)) && (len(value) == 0 || value[0] == ' ')
	}
	return false
}

func (d *draft) readMember(m member) {
	switch m.key {
	case fieldName:
		d.readString(m, d.setName)
	case fieldType:
		d.readString(m, d.setType)
	case fieldURL:
		d.readString(m, d.setURL)
	case fieldFormat:
		d.readString(m, d.setFormat)
	case fieldEnabled:
		d.readEnabled(m)
	case fieldHeaders:
		d.readHeaders(m)
	case fieldFilterConfig:
		d.readFilterConfig(m)
	default:
		d.carry(m.key, compact(m.value))
		return
	}
	d.given = append(d.given, m.key)
}

func (d *draft) readString(m member, set func(string)) {
	if m.value[0] != '"' {
		d.reject(ruleString, m.key)
		return
	}
	set(unquote(m.value))
}

func (d *draft) readEnabled(m member) {
	switch string(m.value) {
	case "true":
		d.target.Enabled = true
	case "false":
		d.target.Enabled = false
	default:
		d.reject(ruleEnabled, m.key)
	}
}

func (d *draft) readHeaders(m member) {
	if !isObject(m.value) {
		d.reject(ruleHeadersObject, m.key)
		return
	}
	members, fault := membersOf(m.value) // the scan of the whole document has left only their number to check
	if fault != nil {
		d.reject(fault.rule, m.key)
		return
	}
	d.setHeaders(headersOf(members))
}

func (d *draft) readFilterConfig(m member) {
	if !isObject(m.value) {
		d.reject(ruleObject, m.key)
		return
	}
	d.target.FilterConfig = compact(m.value)
}
