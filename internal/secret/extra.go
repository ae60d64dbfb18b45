package secret

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// carry passes a key that has no field through to the app, and warns where somebody may believe that it does something.
func (d *draft) carry(key string, value json.RawMessage) {
	if d.target.Extra == nil {
		d.target.Extra = make(map[string]json.RawMessage)
	}
	d.target.Extra[strings.Clone(key)] = value
	if !IsIdentifier(key) {
		return
	}
	switch field := meant(key); {
	case key == keyAPIKey || key == keyAuthToken:
		d.warn(warnJSONToken, key)
	case !d.flat && (field == keyAPIKey || field == keyAuthToken):
		d.warn(warnNearField, key, fieldHeaders+"."+authorization)
	case field != "":
		d.warn(warnNearField, key, field)
	case slices.Contains([]string{"filter", "filters", "auth", "basic_auth", "timeout", "retry", "retries"}, key):
		d.warn(warnInert, key)
	}
}

// meant returns the field, or the flat key, that an unknown key was probably meant to be; it is empty if the key may well be the app's own.
// Other spellings of the fields, and the usual other words for them, count. Likeness by edit distance does not: the nearest words to name
// and type are game and tape.
func meant(key string) string {
	letters := make([]byte, 0, 16) // longer than any of the words below
	for _, c := range []byte(strings.ToLower(key)) {
		if c != '-' && c != '_' && c != '.' {
			letters = append(letters, c)
		}
	}
	switch string(letters) {
	case "name", "targetname":
		return fieldName
	case "type", "targettype":
		return fieldType
	case "url", "uri", "webhookurl", "targeturl", "endpoint", "endpointurl":
		return fieldURL
	case "format", "formats", "payloadformat":
		return fieldFormat
	case "enabled", "enable", "isenabled", "disabled", "disable":
		return fieldEnabled
	case "headers", "header", "httpheaders", "httpheader", "customheaders":
		return fieldHeaders
	case "filterconfig", "filterconfigs", "filtersconfig":
		return fieldFilterConfig
	case "apikey", "apikeys":
		return keyAPIKey
	case "authtoken", "authtokens", "authorization", "bearertoken":
		return keyAuthToken
	}
	return ""
}

// compact returns a copy of valid JSON without the space between its tokens. Number text and key order stay as written.
func compact(value []byte) json.RawMessage {
	var buf bytes.Buffer
	buf.Grow(len(value))
	_ = json.Compact(&buf, value) // cannot fail: value is valid JSON
	return bytes.Clone(buf.Bytes())
}

// quote returns text as a JSON string, written as the snapshot writes it.
func quote(text string) json.RawMessage {
	var buf bytes.Buffer
	encoder := json.NewEncoder(&buf)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text) // cannot fail: every string can be encoded
	return bytes.Clone(bytes.TrimSuffix(buf.Bytes(), []byte("\n")))
}
