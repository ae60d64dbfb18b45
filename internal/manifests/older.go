package manifests

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/alert-history/refresh-sidecar/internal/secret"
	"github.com/alert-history/refresh-sidecar/internal/source"
)

const (
	olderLabel   = "alert-history.io/target" // marks the targets of the service in Python
	pagerDutyURL = "https://events.pagerduty.com/v2/enqueue"
	routingKey   = "routing-key" // the app's own flat Secrets have this key for PagerDuty's Events API v2
	authHeader   = "Authorization"
)

// olderKeys maps the keys of older flat shapes to the fields that they stand for. A field may have been written in several ways.
func olderKeys() map[string]string {
	return map[string]string{
		"target-name": "name", "target_name": "name", "name": "name",
		"target-type": "type", "target_type": "type", "type": "type",
		"webhook-url": "url", "webhook_url": "url", "url": "url",
		"format": "format", "enabled": "enabled",
		"integration-key": routingKey, "integration_key": routingKey, "routing_key": routingKey, routingKey: routingKey,
	}
}

// documentKeys are the keys of a Secret that hold a whole target in JSON.
func documentKeys() []string { return []string{"config", "target.json", "config.json"} }

// older is a target of an older shape on its way to today's shape.
type older struct {
	secret   *manifest
	fields   map[string]any // the fields of today's JSON object
	problems []source.Problem
}

// isOlder reports whether a Secret has a shape that only other versions of the app read.
func isOlder(m *manifest, selected bool) bool {
	if m.labels[olderLabel] == "true" {
		return true
	}
	for key := range m.obj.Data {
		if slices.Contains([]string{"target-name", "target_name", "target-type", "target_type", "webhook-url", "webhook_url", "integration-key", "integration_key"}, key) {
			return true
		}
	}
	fields, _ := m.document()
	return fields["webhook_url"] != nil || fields["integration_key"] != nil || selected && m.typeLabel() != "" && fields["type"] == nil && m.obj.Data["type"] == nil
}

// document returns the JSON object of the Secret and the key that holds it. A value that is not a JSON object gives nil fields.
func (m *manifest) document() (fields map[string]any, key string) {
	for _, key := range documentKeys() {
		if text, ok := m.obj.Data[key]; ok {
			var members map[string]json.RawMessage // keeps the order of keys and the text of numbers as written
			if !json.Valid(text) || json.Unmarshal(text, &members) != nil || secret.CheckJSON(text) != "" {
				return nil, key
			}
			fields = make(map[string]any, len(members))
			for name, raw := range members {
				var text string
				if fields[name] = raw; json.Unmarshal(raw, &text) == nil {
					fields[name] = text
				}
			}
			return fields, key
		}
	}
	return nil, ""
}

// typeLabel returns the type of target that a label names, or "" if no label does.
func (m *manifest) typeLabel() string {
	for _, label := range slices.Sorted(maps.Keys(m.labels)) {
		name := label[strings.LastIndexByte(label, '/')+1:]
		if slices.Contains([]string{"type", "target-type", "publishing-target-type"}, name) {
			return m.labels[label]
		}
	}
	return ""
}

// fieldsOfToday returns the target of a Secret of an older shape as a JSON object of today's shape, or what cannot be mapped.
func (m *manifest) fieldsOfToday() (map[string]any, []source.Problem) {
	o := older{secret: m, fields: map[string]any{}}
	fields, key := m.document()
	switch {
	case key != "" && fields == nil:
		o.refuse(key, "must be valid JSON", "")
	case key != "":
		o.fromDocument(fields)
	default:
		o.fromFlat()
	}
	if o.fields["type"] == nil && m.typeLabel() != "" {
		o.fields["type"] = m.typeLabel()
	}
	if o.fields[routingKey] != nil {
		o.fields["type"] = cmp.Or(textOf(o.fields["type"]), "pagerduty")
		o.fields["url"] = cmp.Or(textOf(o.fields["url"]), pagerDutyURL)
	}
	o.fields["name"] = cmp.Or(textOf(o.fields["name"]), m.obj.Name)
	return o.fields, o.problems
}

func textOf(value any) string {
	text, _ := value.(string)
	return text
}

func (o *older) refuse(field, rule, hint string) {
	if !secret.IsIdentifier(field) {
		field = ""
	}
	o.problems = append(o.problems, source.Problem{Field: field, Rule: rule, Hint: cmp.Or(hint, "convert this Secret by hand")})
}

// set gives a field its value. Two keys that disagree about one field are a problem: no order decides between them.
func (o *older) set(field, from string, value any) {
	if before, ok := o.fields[field]; ok && !reflect.DeepEqual(before, value) {
		o.refuse(from, "another key says something else about the field "+field, "leave one of the two")
		return
	}
	o.fields[field] = value
}

// fromDocument renames the members of a JSON object.
func (o *older) fromDocument(fields map[string]any) {
	names := map[string]string{"webhook_url": "url", "webhook-url": "url", "integration_key": routingKey, "integration-key": routingKey}
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		o.set(cmp.Or(names[key], key), key, fields[key])
	}
}

// fromFlat reads one field from each key.
func (o *older) fromFlat() {
	headers, filters := map[string]any{}, map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(o.secret.obj.Data)) {
		raw := o.secret.obj.Data[key]
		if !utf8.Valid(raw) {
			o.refuse(key, "must be UTF-8 text", "")
			continue
		}
		value := strings.TrimSpace(string(raw))
		header, isHeader := strings.CutPrefix(key, "header-")
		filter, isFilter := strings.CutPrefix(key, "filter-")
		field, isField := olderKeys()[key]
		switch {
		case value == "": // an empty key counts as absent
		case isHeader:
			o.header(headers, header, key, value)
		case isFilter:
			filters[filter] = filterValue(value)
		case slices.Contains([]string{"api-key", "api_key", "auth-token", "auth_token"}, key):
			o.token(headers, key, value)
		case key == "headers" || key == "filter_config":
			o.refuse(key, "is not of the older shapes: write it by hand", "")
		case field == "enabled":
			o.enabled(key, value)
		case isField:
			o.set(field, key, value)
		case secret.IsIdentifier(key):
			o.fields[key] = value
		default:
			o.refuse("", "a key that is no name of a field", "")
		}
	}
	if len(headers) > 0 {
		o.fields["headers"] = headers
	}
	if len(filters) > 0 {
		o.fields["filter_config"] = filters
	}
	if o.fields["enabled"] == nil {
		o.fields["enabled"] = true
	}
}

func (o *older) enabled(key, value string) {
	enabled, err := strconv.ParseBool(strings.ToLower(value)) // the error is dropped, since it quotes the text
	if err != nil {
		o.refuse(key, "must be true or false", "")
	}
	o.fields["enabled"] = enabled
}

// header adds a header. HTTP does not tell upper from lower case.
func (o *older) header(headers map[string]any, name, key, value string) {
	for other := range headers {
		if strings.EqualFold(other, name) && headers[other] != value {
			o.refuse(key, fmt.Sprintf("two values for the header %s, of which one can be sent", other), "leave one of api-key, auth-token and header-Authorization")
			return
		} else if strings.EqualFold(other, name) {
			return
		}
	}
	headers[name] = value
}

// token adds the header Authorization. A token that names its scheme itself must not get a second scheme.
func (o *older) token(headers map[string]any, key, token string) {
	scheme, rest, hasScheme := strings.Cut(token, " ")
	switch {
	case !hasScheme:
		token = "Bearer " + token
	case strings.EqualFold(scheme, "Bearer"):
		token = "Bearer " + strings.TrimSpace(rest)
	default:
		o.refuse(key, "must be a token without white space", "write it as header-Authorization, with its scheme")
		return
	}
	o.header(headers, authHeader, key, token)
}

// filterValue returns a JSON list or object as such, and all else as text.
func filterValue(text string) any {
	if text[0] == '[' || text[0] == '{' {
		if json.Valid([]byte(text)) && secret.CheckJSON([]byte(text)) == "" {
			return json.RawMessage(text)
		}
	}
	return text
}
