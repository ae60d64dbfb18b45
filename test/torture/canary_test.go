package torture_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
)

// canary marks what is secret. It is no word of any program, and reads the same in a URL, in JSON and in YAML.
const canary = "cAnArY"

// marks counts the places where a canary was planted, each by another number, so that what is found names its field.
type marks struct {
	n      int
	fields map[string]string // by canary
}

func (m *marks) plant(field string) string {
	m.n++
	c := fmt.Sprintf("%sx%03dz", canary, m.n)
	m.fields[c] = field
	return c
}

// find returns the fields of which a text tells something, in clear, in base64 or in hex.
func (m *marks) find(text string) (fields []string) {
	lower := strings.ToLower(text)
	if strings.Contains(lower, strings.ToLower(canary)) {
		for c, field := range m.fields {
			if strings.Contains(lower, strings.ToLower(c)) {
				fields = append(fields, field)
			}
		}
		if len(fields) == 0 {
			fields = append(fields, "a part of one")
		}
	}
	for _, form := range encodings(canary) {
		if strings.Contains(text, form) {
			fields = append(fields, "something, encoded")
		}
	}
	return fields
}

// encodings are the forms that a text has inside another text that is encoded: base64 in its three alignments, without the characters that
// neighbours share, and hex.
func encodings(text string) []string {
	forms := []string{hex.EncodeToString([]byte(text))}
	for shift := range 3 {
		encoded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("_", shift) + text))
		begin := (shift*8 + 5) / 6
		forms = append(forms, encoded[begin:(shift+len(text))*8/6])
	}
	return forms
}

// config is a target as a JSON object whose every secret part is a canary. The changes replace fields; "" removes one.
func (m *marks) config(name string, changes map[string]string) string {
	fields := map[string]string{
		"name":          fmt.Sprintf("%q", name),
		"type":          `"webhook"`,
		"url":           fmt.Sprintf(`"https://example.com/%s?%s=%s#%s"`, m.plant("URL path"), m.plant("URL query"), m.plant("URL query"), m.plant("URL fragment")),
		"headers":       fmt.Sprintf(`{"X-Key":%q,"Authorization":"Bearer %s"}`, m.plant("header"), m.plant("header Authorization")),
		"filter_config": fmt.Sprintf(`{%q:%q}`, m.plant("key in filter_config"), m.plant("value in filter_config")),
		"filters":       fmt.Sprintf(`[%q,{%q:1}]`, m.plant("extra"), m.plant("key in extra")),
	}
	for field, value := range changes {
		if fields[field] = value; value == "" {
			delete(fields, field)
		}
	}
	var members []string
	for field, value := range fields {
		members = append(members, fmt.Sprintf("%q:%s", field, value))
	}
	return "{" + strings.Join(members, ",") + "}"
}

// secrets are Secrets of every shape, good ones first and then broken in every way that has a message of its own.
func (m *marks) secrets() map[string]map[string]string {
	of := func(text string) map[string]string { return map[string]string{"config": text} }
	change := func(name, field, value string) map[string]string {
		return of(m.config(name, map[string]string{field: value}))
	}
	quoted := func(format, field string) string { return fmt.Sprintf("%q", fmt.Sprintf(format, m.plant(field))) }
	flat := func(key, value string) map[string]string {
		f := map[string]string{"type": "webhook", "url": "https://example.com/" + m.plant("flat URL"), "headers": "X-K=" + m.plant("flat header"),
			"auth_token": m.plant("auth_token"), "password": m.plant("a key that is passed on"), "filter_config": fmt.Sprintf(`{%q:%q}`, m.plant("key in a flat filter_config"), m.plant("value in it"))}
		f[key] = value
		return f
	}
	return map[string]map[string]string{
		"good-config":      of(m.config("good-config", nil)),
		"good-target-json": {"target.json": m.config("good-target-json", nil), "password": m.plant("a key beside target.json")},
		"good-base64":      of(base64.StdEncoding.EncodeToString([]byte(m.config("good-base64", nil)))),
		"good-flat":        flat("name", "good-flat"),
		"good-disabled":    change("good-disabled", "enabled", "false"),
		"good-lines":       flat("headers", "X-K: "+m.plant("header in a line")+"\nX-E: ${"+m.plant("placeholder in a header")+"}"),
		"good-spelling":    of(strings.Replace(m.config("good-spelling", nil), "{", fmt.Sprintf(`{"webhook_url":%q,"auth":{"password":%q},`, m.plant("webhook_url"), m.plant("auth")), 1)),
		"bad-name":         change("bad-name", "name", quoted("%s.UPPER", "name")),
		"bad-type":         change("bad-type", "type", quoted("%s", "type")),
		"bad-format":       change("bad-format", "format", quoted("%s", "format")),
		"bad-url":          change("bad-url", "url", quoted("%s", "URL without scheme")),
		"bad-url-scheme":   change("bad-url-scheme", "url", quoted("ftp://example.com/%s", "URL of another scheme")),
		"bad-url-user":     change("bad-url-user", "url", quoted("https://user:%s@example.com/", "user info of a URL")),
		"bad-url-escape":   change("bad-url-escape", "url", quoted("https://example.com/%%zz%s", "URL with a broken escape")),
		"bad-url-port":     change("bad-url-port", "url", quoted("https://example.com:%s/", "port of a URL")),
		"bad-url-host":     change("bad-url-host", "url", quoted("https://\u0435%s.example/", "host of a URL")),
		"bad-url-bar":      change("bad-url-bar", "url", quoted("https://example.com/|%s", "URL with a bar")),
		"bad-url-hidden":   change("bad-url-hidden", "url", quoted("https://example.com/\u200b%s", "URL with what does not show")),
		"bad-url-template": change("bad-url-template", "url", quoted("https://example.com/${%s}", "URL that is a template")),
		"bad-credential":   change("bad-credential", "headers", fmt.Sprintf(`{"Authorization":"Bearer a %s"}`, m.plant("credential with a space"))),
		"bad-placeholder":  change("bad-placeholder", "headers", fmt.Sprintf(`{"Authorization":"Bearer {{ %s }}"}`, m.plant("template of a credential"))),
		"bad-header-value": change("bad-header-value", "headers", fmt.Sprintf(`{"X-K":"a\r\n%s"}`, m.plant("header with a line break"))),
		"bad-header-name":  change("bad-header-name", "headers", fmt.Sprintf(`{"X K: %s":"v"}`, m.plant("header name that is none"))),
		"bad-header-type":  change("bad-header-type", "headers", fmt.Sprintf(`{"X-K":[%q]}`, m.plant("header that is no string"))),
		"bad-enabled":      change("bad-enabled", "enabled", quoted("%s", "enabled")),
		"bad-filter":       change("bad-filter", "filter_config", quoted("%s", "filter_config")),
		"bad-twice":        of(strings.Replace(m.config("bad-twice", nil), "{", fmt.Sprintf(`{"url":%q,`, m.plant("duplicate url")), 1)),
		"bad-number":       change("bad-number", "x", `{"`+m.plant("key beside a number")+`":1e999}`),
		"bad-surrogate":    change("bad-surrogate", "x", `"`+m.plant("text with half a pair")+`\ud800"`),
		"bad-yaml":         of("name: " + m.plant("YAML")),
		"bad-flat-scheme":  flat("auth_token", "Bearer "+m.plant("token with a scheme")),
		"bad-flat-lines":   flat("headers", "X-K: "+m.plant("header in a line of two")+", X-L: "+m.plant("the second")),
		"bad-flat-filter":  flat("filter_config", "{"+m.plant("flat filter_config that is no JSON")),
		"bad-json":         of(m.config("bad-json", nil)[1:]),
		"bad-json-end":     of(m.config("bad-json-end", nil) + m.plant("text after the document")),
		"bad-no-key":       {"-" + m.plant("key that is no identifier"): m.plant("value without a key"), m.plant("long key") + strings.Repeat("x", 60): "v"},
		"bad-flat-headers": flat("headers", m.plant("flat headers without =")),
		"bad-flat-auth":    flat("api_key", m.plant("api_key beside auth_token")),
		"bad-flat-enabled": flat("enabled", m.plant("flat enabled")),
		"bad-flat-name":    flat("name", m.plant("flat name")+"_"),
		"bad-large":        change("bad-large", "x", quoted(strings.Repeat("x", 256<<10)+"%s", "end of a large target")),
		"bad-deep":         change("bad-deep", "x", strings.Repeat("[", 101)+quoted("%s", "far inside")+strings.Repeat("]", 101)),
		"bad-duplicate":    of(m.config("good-config", nil)),
	}
}
