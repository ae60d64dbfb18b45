package secret

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// flatKeys returns the keys that hold one value each.
func flatKeys() []string {
	return []string{fieldName, fieldType, fieldURL, fieldFormat, fieldEnabled, fieldHeaders, fieldFilterConfig, keyAPIKey, keyAuthToken}
}

// readFlat reads a target whose fields are keys of the Secret.
func (d *draft) readFlat(obj *Object) {
	d.flat = true
	isThere := func(key string) bool { _, ok := obj.Data[key]; return ok }
	switch {
	case !slices.ContainsFunc(flatKeys(), isThere):
		d.reject(ruleKnownKey, "")
		return
	case len(obj.Data) > maxEntries:
		d.reject(ruleEntries, "")
		return
	}
	if !d.readFlatField(obj, fieldName, d.setName) {
		d.given = append(d.given, fieldName)
		d.setName(obj.Name)
	}
	d.readFlatField(obj, fieldType, d.setType)
	d.readFlatField(obj, fieldURL, d.setURL)
	d.readFlatField(obj, fieldFormat, d.setFormat)
	d.readFlatField(obj, fieldEnabled, d.setEnabled)
	var headers []header
	d.readFlatField(obj, fieldHeaders, func(text string) { headers = d.readFlatHeaders(text) })
	d.setHeaders(d.withToken(obj, headers))
	d.readFlatField(obj, fieldFilterConfig, d.setFilterConfig)
	d.carryFlat(obj)
	d.complete()
}

// readFlatField gives the value of a key to set, without the white space around it, and reports whether the key is there. A key that holds
// nothing but white space counts as absent: templates leave such keys.
func (d *draft) readFlatField(obj *Object, key string, set func(string)) bool {
	text := bytes.TrimSpace(obj.Data[key])
	if len(text) == 0 {
		return false
	}
	d.given = append(d.given, key)
	if !utf8.Valid(text) {
		d.reject(ruleUTF8, key)
		return true
	}
	set(string(text))
	return true
}

func (d *draft) setEnabled(text string) {
	enabled, err := strconv.ParseBool(text) // the error is dropped, since it quotes the text
	if err != nil {
		d.reject(ruleEnabled, fieldEnabled)
	}
	d.target.Enabled = enabled
}

// setFilterConfig refuses what is not a JSON object: without its filter a target would be sent more than somebody meant to send.
func (d *draft) setFilterConfig(text string) {
	doc := []byte(text)
	if !d.checkObject(fieldFilterConfig, doc) {
		return
	}
	if fault := checkJSON(doc); fault != nil {
		d.reject(fault.rule, fieldFilterConfig)
		return
	}
	d.target.FilterConfig = compact(doc)
}

// withToken adds the header that api_key or auth_token stands for.
func (d *draft) withToken(obj *Object, headers []header) []header {
	sources := make([]string, 0, 3)
	for _, key := range []string{keyAPIKey, keyAuthToken} {
		d.readFlatField(obj, key, func(token string) {
			sources = append(sources, key)
			h := header{field: key, name: authorization, value: "Bearer " + token}
			h.broken, h.details = checkToken(token)
			headers = append(headers, h)
		})
	}
	isAuthorization := func(h header) bool { return h.field == "" && strings.EqualFold(h.name, authorization) }
	if slices.ContainsFunc(headers, isAuthorization) {
		sources = append(sources, authorization)
	}
	switch len(sources) {
	case 0:
		d.warnEmptyToken(obj)
		return headers
	case 1:
		return headers
	}
	d.reject(ruleOneCredential, sources[0])
	return slices.DeleteFunc(headers, func(h header) bool { return h.broken == "" && strings.EqualFold(h.name, authorization) })
}

// warnEmptyToken warns of a Secret whose key for a credential is there, but empty.
func (d *draft) warnEmptyToken(obj *Object) {
	for _, key := range []string{keyAPIKey, keyAuthToken} {
		if value, ok := obj.Data[key]; ok && len(bytes.TrimSpace(value)) == 0 {
			d.warn(warnFlatEmpty, key)
		}
	}
}

// carryFlat passes the keys that are not fields through to the app, as strings.
func (d *draft) carryFlat(obj *Object) {
	var others []string
	fields := flatKeys()
	for key := range obj.Data {
		if !slices.Contains(fields, key) {
			others = append(others, key)
		}
	}
	slices.Sort(others) // so that the warnings come in one order
	unread, size := 0, 0
	for _, key := range others {
		value := bytes.TrimSpace(obj.Data[key])
		if !IsIdentifier(key) || !utf8.Valid(value) {
			unread++
			continue
		}
		if size += len(key) + len(value); size > targetsfile.MaxTargetBytes { // before the values are encoded, which can double them
			d.reject(ruleTargetSize, "")
			return
		}
		d.carry(key, quote(string(value)))
	}
	if unread > 0 {
		d.warn(warnFlatUnread, "", strconv.Itoa(unread))
	}
}
