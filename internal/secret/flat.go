package secret

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
)

// Flat keys that are no fields: either gives the header Authorization.
const (
	keyAPIKey    = "api_key"
	keyAuthToken = "auth_token"
)

const authorization = "Authorization"

// flatKeys returns the keys that hold one field each.
func flatKeys() []string {
	return []string{fieldName, fieldType, fieldURL, fieldFormat, fieldEnabled, fieldHeaders, keyAPIKey, keyAuthToken}
}

// readFlat reads a target whose fields are keys of the Secret.
func (d *draft) readFlat(obj *corev1.Secret) {
	values := make(map[string]string)
	for _, key := range flatKeys() {
		raw, ok := obj.Data[key]
		if !ok {
			continue
		}
		if !utf8.Valid(raw) {
			d.unreadable(key, "must be UTF-8 text", hintUTF8)
		}
		d.given = append(d.given, key)
		values[key] = strings.TrimSpace(string(raw))
	}
	switch {
	case len(d.given) == 0:
		d.unreadable("", "holds no known key", "add the key config with a JSON object, or the keys name, type and url")
	case len(d.problems) == 0:
		d.readValues(values, obj.Name)
		d.complete()
	}
}

// readValues applies each field's rule, in the order of [flatKeys].
func (d *draft) readValues(values map[string]string, secretName string) {
	if name, ok := values[fieldName]; ok {
		d.setName(name)
	} else {
		d.given = append(d.given, fieldName)
		d.setName(secretName)
	}
	set := func(field string, to func(string)) {
		if value, ok := values[field]; ok {
			to(value)
		}
	}
	set(fieldType, d.setType)
	set(fieldURL, d.setURL)
	set(fieldFormat, d.setFormat)
	set(fieldEnabled, d.setEnabled)
	d.setHeaders(d.flatHeaders(values))
}

func (d *draft) setEnabled(text string) {
	enabled, err := strconv.ParseBool(text) // its error quotes the text
	if err != nil {
		d.reject(fieldEnabled, "must be true or false", "leave it out for true")
	}
	d.target.Enabled = enabled
}

// flatHeaders returns the headers of the key headers, k=v,k=v, and the one that api_key or auth_token stands for.
func (d *draft) flatHeaders(values map[string]string) []header {
	headers := splitHeaders(values[fieldHeaders])
	var sources []string
	for _, key := range []string{keyAPIKey, keyAuthToken} {
		token, ok := values[key]
		if !ok {
			continue
		}
		sources = append(sources, key)
		h := header{field: key, name: authorization, value: "Bearer " + token}
		if token == "" {
			h.broken, h.cure = "must not be empty", "set it, or leave the key out"
		}
		headers = append(headers, h)
	}
	isAuthorization := func(h header) bool { return h.field == "" && strings.EqualFold(h.name, authorization) }
	if slices.ContainsFunc(headers, isAuthorization) {
		sources = append(sources, "a header Authorization")
	}
	if len(sources) < 2 {
		return headers
	}
	d.reject(sources[0], "only one of api_key, auth_token and a header Authorization may be given", "found "+strings.Join(sources, ", "))
	return slices.DeleteFunc(headers, func(h header) bool { return h.broken == "" && strings.EqualFold(h.name, authorization) })
}

// splitHeaders splits k=v,k=v. A value may hold further =, as base64 does.
func splitHeaders(text string) []header {
	if text == "" {
		return nil
	}
	var headers []header
	for i, pair := range strings.Split(text, ",") {
		name, value, ok := strings.Cut(pair, "=")
		// The position, not the name: where a value holds a comma, what follows is in the place of a name.
		h := header{name: strings.TrimSpace(name), value: strings.TrimSpace(value), where: fmt.Sprintf("entry %d", i+1)}
		if !ok {
			h.broken, h.cure = "must be name=value", "a comma begins the next header: one whose value holds a comma needs the key config"
		}
		headers = append(headers, h)
	}
	return headers
}
