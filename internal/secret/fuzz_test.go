package secret_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/alert-history/refresh-sidecar/internal/secret"
	"github.com/alert-history/refresh-sidecar/internal/source"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// Canaries stand for a credential. The first looks like anything, the second like an identifier, so that it also passes the
// patterns that guard what may be shown; it is therefore planted only where nothing may be.
const (
	canary    = "\u00a7canary\u00a7"
	lookAlike = "xoxbCanary"
)

// said returns every word that leaves the decoder other than in the entry.
func said(s source.Secret) string {
	var b strings.Builder
	b.WriteString(strings.Join(warnings(s), "\n"))
	if s.Fault != nil {
		b.WriteString(s.Fault.Reason + s.Fault.Message())
		for _, p := range s.Fault.Problems {
			b.WriteString("\n" + p.Field + p.Rule + p.Hint)
		}
	}
	return b.String()
}

func checkDecoded(t *testing.T, got source.Secret) {
	t.Helper()
	if (got.Entry == nil) == (got.Fault == nil) {
		t.Fatalf("got entry %v and fault %v, want exactly one", got.Entry, got.Fault)
	}
	for _, secret := range []string{canary, lookAlike} {
		if text := said(got); strings.Contains(text, secret) {
			t.Fatalf("a credential leaks: %q", text)
		}
	}
	switch {
	case got.Fault != nil:
		if got.Fault.Reason != targetsfile.RejectParse && got.Fault.Reason != targetsfile.RejectValidate || len(got.Fault.Problems) == 0 {
			t.Fatalf("got fault %+v, want a reason and a problem", got.Fault)
		}
		if n := len(got.Fault.Message()); n > 4<<10 {
			t.Fatalf("got a message of %d bytes, want it short: %.200q", n, got.Fault.Message())
		}
	case got.Entry.Size() > targetsfile.MaxTargetBytes:
		t.Fatalf("got an entry of %d bytes, want at most %d", got.Entry.Size(), targetsfile.MaxTargetBytes)
	case !json.Valid(got.Entry.FilterConfig):
		t.Fatalf("got filter_config %q, want JSON", got.Entry.FilterConfig)
	}
}

// FuzzDecode gives the decoder any bytes under every key that it reads, with a canary at any place in them.
func FuzzDecode(f *testing.F) {
	for _, text := range []string{
		minimal, "{}", "", "[]", "{", `{"name"`, `"x"`, "null", "\ufeff{}", "{\"x\":\"\xff\"}",
		base64.StdEncoding.EncodeToString([]byte(minimal)),
		`{"name":"a","type":"webhook","url":"https://u:p@h/p","format":"slack","enabled":"true","headers":{"A":1,"a":"\n","":""},"filter_config":[],"x":{"y":1,"y":2}}`,
		`{"name":"a","type":"slack","url":"https://h/%zz","headers":{"A":"b\r\n"},"filter_config":{"n":1E400},"\ud800":"\udfff"}`,
		`{"Name":"a","TYPE":"b","api_key":"c","name":"a","name":"b"}`,
		strings.Repeat("[", 300), `{"x":` + strings.Repeat("[", 61) + strings.Repeat("]", 61) + "}",
	} {
		for shape := range uint8(4) {
			f.Add(shape, []byte(text), []byte("webhook"), []byte("https://h/p"), []byte("A=b,C=d"), uint16(9))
		}
	}
	for _, flat := range []struct{ text, typ, url, headers string }{
		{"true", "slack", "https://hooks.example.com/services/T0/B0/x", ""},
		{"0", "pagerduty", "https://events.example.com:8443/v2/enqueue?k=v#f", "X-A=1, X-B = 2 ,"},
		{"F", "rootly", "http://[::1]:80/", "Authorization=Token x=y"},
		{" \n", "webhook ", "HTTPS://EXAMPLE.COM", "=,A,A=,A=b,a=c"},
		{"slack", "slack", "https://a.example/%2e%2e/\u202e", "X-A=\r\nInjected: 1"},
		{`{"severity":["critical"]}`, "alertmanager", "https://a.example/${B}", "X-A: 1, X-B: 2\nAuthorization: Bearer <no value>"},
		{"<no value>", "webhook", "https://xn--bcher-kva.example/|", `{"X-A":"b","Authorization":"Bearer \ud800"}`},
		{"Bearer x", "webhook", "ENC[AES256_GCM,data:AAAA]", "# X-A: 1\n\nX-B : 2"},
	} {
		for at := range uint16(8) {
			f.Add(uint8(2), []byte(flat.text), []byte(flat.typ), []byte(flat.url), []byte(flat.headers), at)
		}
	}
	f.Fuzz(func(t *testing.T, shape uint8, text, typ, url, headers []byte, at uint16) {
		plant := func(value []byte) []byte {
			i := min(int(at), len(value))
			return []byte(string(value[:i]) + canary + string(value[i:]))
		}
		for _, change := range []func([]byte) []byte{func(v []byte) []byte { return v }, plant} {
			obj := data{}.secret()
			switch shape % 4 {
			case 0:
				obj.Data["config"] = change(text)
			case 1:
				obj.Data["target.json"] = change(text)
			case 3:
				obj.Data["config.json"] = change(text)
			case 2:
				obj.Data = map[string][]byte{"type": change(typ), "url": change(url), "headers": change(headers), "enabled": change(text)}
				if at%2 == 0 {
					obj.Data["api_key"] = change(text)
				}
				if at%3 == 0 {
					obj.Data["name"] = change(text)
				}
				if at%5 == 0 {
					obj.Data["format"] = change(text)
				}
				if at%7 == 0 {
					obj.Data["filter_config"] = change(text)
					obj.Data["routing-key"] = change(url)
				}
				obj.Data[string(change([]byte("other")))] = text
			}
			checkDecoded(t, secret.Decode(obj))
		}
	})
}

// FuzzDecodeFields builds documents that are JSON, with a credential in the values of all fields that are not public, whatever else
// is wrong with them.
func FuzzDecodeFields(f *testing.F) {
	f.Add("https://h/", "A", "\n", "a", "alertmanager", true)
	f.Add("ftp://h/", "a b", "", "A", "", false)
	f.Add("https://u:@h/ ", "", "\x00", "\xff", "x", true)
	f.Fuzz(func(t *testing.T, prefix, name, value, bad, format string, quoted bool) {
		if strings.Contains(prefix+name+value+bad+format, lookAlike) {
			t.Skip("the fuzzer copied the credential to a public place")
		}
		fields := map[string]any{
			"name": bad + "." + lookAlike, "type": lookAlike + bad, "url": prefix + lookAlike, "format": format + lookAlike,
			"headers":       map[string]any{name: lookAlike + value, name + " " + lookAlike: value, "x-n": []string{lookAlike}},
			"filter_config": map[string]any{lookAlike: lookAlike + bad},
			"filters":       []any{lookAlike, map[string]string{lookAlike: value}},
			"enabled":       lookAlike,
		}
		if quoted {
			fields["enabled"], fields["filter_config"] = true, lookAlike
		}
		doc, err := json.Marshal(fields)
		if err != nil {
			t.Skip("no document")
		}
		checkDecoded(t, data{"config": string(doc)}.decode())
		fields["name"], fields["type"], fields["url"] = "a", "webhook", "https://h/"+lookAlike
		if doc, err = json.Marshal(fields); err == nil {
			checkDecoded(t, data{"config": string(doc)}.decode())
			checkDecoded(t, data{"config": string(doc[:len(doc)/2])}.decode())
		}
		checkDecoded(t, data{
			"name": lookAlike + bad, "type": lookAlike, "url": prefix + lookAlike, "format": lookAlike, "enabled": lookAlike,
			"headers": name + "=" + lookAlike + value + "," + lookAlike, "filter_config": `{"` + lookAlike + `":` + value, "api-key": lookAlike, "api_key": lookAlike + value, "auth_token": lookAlike,
		}.decode())
	})
}
