package secret

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	hintUTF8   = "save it as UTF-8; is it a binary file, or encoded once more?"
	hintEscape = `write the character itself, or both halves of the pair \ud83d\ude00`
)

// readDocument reads the target that the Secret's key holds as a JSON object.
func (d *draft) readDocument(key string, text []byte) {
	doc, ok := d.parseDocument(key, text)
	if !ok {
		return
	}
	members, fault := membersOf(doc)
	if fault != nil {
		if fault.key != "" {
			key += "." + fault.key
		}
		d.unreadable(key, fault.rule, "beyond JSON's own rules each key may be there once, 100 levels may nest, and an escape must be a character")
		return
	}
	for _, m := range members {
		d.readMember(m)
	}
	if len(d.given) == 0 {
		d.unreadable(key, "must hold the fields of a target, such as name, type and url", "keys are case-sensitive and stand at the top level")
		return
	}
	d.complete()
}

// parseDocument returns the JSON object that text is, or that text is the base64 encoding of: encoding by hand what kubectl encodes
// again is a common mistake, and apps have long accepted it.
func (d *draft) parseDocument(key string, text []byte) ([]byte, bool) {
	doc := bytes.TrimSpace(text)
	if !isObject(doc) {
		decoded := make([]byte, base64.StdEncoding.DecodedLen(len(doc)))
		n, err := base64.StdEncoding.Decode(decoded, doc)
		if inner := bytes.TrimSpace(decoded[:n]); err == nil && isObject(inner) {
			d.warn("%s: is base64-encoded twice, once is enough", key)
			doc = inner
		}
	}
	if !utf8.Valid(doc) {
		d.unreadable(key, "must be UTF-8 text", hintUTF8)
		return nil, false
	}
	if !json.Valid(doc) {
		d.unreadable(key, "must be valid JSON, it breaks at "+breakOf(doc), "no comments, no trailing commas, no byte order mark")
		return nil, false
	}
	if !isObject(doc) {
		d.unreadable(key, "must be a JSON object", "with the fields of the target between { and }")
		return nil, false
	}
	return doc, true
}

func isObject(doc []byte) bool { return len(doc) > 0 && doc[0] == '{' }

// breakOf says where doc stops being JSON. Why it does, package json says only with a quotation.
func breakOf(doc []byte) string {
	var discard json.RawMessage
	var syntax *json.SyntaxError
	if !errors.As(json.Unmarshal(doc, &discard), &syntax) {
		return "its end"
	}
	before := doc[:max(0, min(int(syntax.Offset)-1, len(doc)))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
	return fmt.Sprintf("line %d, column %d", line, column)
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
		d.readExtra(m)
		return
	}
	d.given = append(d.given, m.key)
}

func (d *draft) readString(m member, set func(string)) {
	if m.value[0] != '"' {
		d.reject(m.key, "must be a string", "put it in quotes")
		return
	}
	s, ok := unquote(m.value)
	if !ok {
		d.reject(m.key, "must not hold a broken Unicode escape", hintEscape)
		return
	}
	set(s)
}

func (d *draft) readEnabled(m member) {
	switch string(m.value) {
	case "true":
		d.target.Enabled = true
	case "false":
		d.target.Enabled = false
	default:
		d.reject(m.key, "must be true or false", "without quotes; leave it out for true")
	}
}

func (d *draft) readHeaders(m member) {
	if !isObject(m.value) {
		d.reject(m.key, "must be an object of strings", "leave it out for no headers")
		return
	}
	members, _ := membersOf(m.value) // nothing that the scan of the whole document let pass
	headers := make([]header, len(members))
	for i, entry := range members {
		headers[i] = header{name: entry.key, where: headerLabel(i, entry.key)}
		if entry.value[0] != '"' {
			headers[i].broken, headers[i].cure = "the value must be a string", "put it in quotes"
			continue
		}
		value, ok := unquote(entry.value)
		if !ok {
			headers[i].broken, headers[i].cure = "the value must not hold a broken Unicode escape", hintEscape
		}
		headers[i].value = value
	}
	d.setHeaders(headers)
}

func (d *draft) readFilterConfig(m member) {
	if !isObject(m.value) {
		d.reject(m.key, "must be an object", "leave it out for no filter")
		return
	}
	d.target.FilterConfig = compact(m.value)
}

// readExtra carries a key that has no field through to the app.
func (d *draft) readExtra(m member) {
	if d.target.Extra == nil {
		d.target.Extra = make(map[string]json.RawMessage)
	}
	d.target.Extra[m.key] = compact(m.value)
	switch lower := strings.ToLower(m.key); {
	case m.key == keyAPIKey || m.key == keyAuthToken:
		d.warn("%s: gives no header in a JSON object and is passed on as it is; write headers.Authorization", m.key)
	case slices.Contains(documentFields(), lower): // and so the key may be shown
		d.warn("%s: is not the field %s, keys are case-sensitive; it is passed on as it is", m.key, lower)
	}
}

func documentFields() []string {
	return []string{fieldName, fieldType, fieldURL, fieldFormat, fieldEnabled, fieldHeaders, fieldFilterConfig}
}

// compact returns a copy of valid JSON without the space between its tokens. Number text and key order stay as written.
func compact(value []byte) json.RawMessage {
	var buf bytes.Buffer
	buf.Grow(len(value))
	_ = json.Compact(&buf, value) // valid already
	return bytes.Clone(buf.Bytes())
}
