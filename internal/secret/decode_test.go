package secret_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/alert-history/refresh-sidecar/internal/secret"
	"github.com/alert-history/refresh-sidecar/internal/source"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// data is a Secret's data, readable in a table.
type data map[string]string

func (d data) secret() *secret.Object {
	obj := &secret.Object{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "own-name", UID: "uid-1"}, Data: map[string][]byte{}}
	for key, value := range d {
		obj.Data[key] = []byte(value)
	}
	return obj
}

func (d data) decode() source.Secret { return secret.Decode(d.secret()) }

const minimal = `{"name":"a","type":"webhook","url":"https://h/p"}`

// target returns what minimal decodes to, changed by edit.
func target(edit func(*targetsfile.Target)) targetsfile.Target {
	t := targetsfile.Target{
		Name: "a", Type: "webhook", URL: "https://h/p", PayloadFormat: "webhook", Enabled: true,
		Headers: map[string]string{}, FilterConfig: json.RawMessage("{}"), Secret: "ns/own-name", SecretUID: "uid-1",
	}
	if edit != nil {
		edit(&t)
	}
	return t
}

// visible lets go-cmp show values that a Target hides from print.
type visible targetsfile.Target

func TestDecodeTargets(t *testing.T) {
	for _, tt := range []struct {
		name string
		data data
		edit func(*targetsfile.Target)
	}{
		{"config", data{"config": minimal}, nil},
		{"target.json", data{"target.json": minimal}, nil},
		{"config goes before target.json and flat keys", data{"config": minimal, "target.json": "{", "type": "nonsense"}, nil},
		{"target.json goes before flat keys", data{"target.json": minimal, "type": "nonsense"}, nil},
		{"white space around the object", data{"config": "\r\n\t " + minimal + "\n\n"}, nil},
		{"flat keys, trimmed", data{"name": " a\n", "type": "webhook\n", "url": "\thttps://h/p\r\n"}, nil},
		{"flat name defaults to the Secret's", data{"type": "webhook", "url": "https://h/p"},
			func(t *targetsfile.Target) { t.Name = "own-name" }},
		{"flat enabled", data{"name": "a", "type": "webhook", "url": "https://h/p", "enabled": "F"},
			func(t *targetsfile.Target) { t.Enabled = false }},
		{"flat format", data{"name": "a", "type": "webhook", "url": "https://h/p", "format": "alertmanager"},
			func(t *targetsfile.Target) { t.PayloadFormat = "alertmanager" }},
		{"flat headers", data{"name": "a", "type": "webhook", "url": "https://h/p", "headers": "A=b==, C = d"},
			func(t *targetsfile.Target) { t.Headers = map[string]string{"A": "b==", "C": "d"} }},
		{"flat headers, none", data{"name": "a", "type": "webhook", "url": "https://h/p", "headers": " "}, nil},
		{"flat api_key", data{"name": "a", "type": "webhook", "url": "https://h/p", "api_key": "k\n", "headers": "A=b"},
			func(t *targetsfile.Target) { t.Headers = map[string]string{"A": "b", "Authorization": "Bearer k"} }},
		{"flat auth_token", data{"name": "a", "type": "webhook", "url": "https://h/p", "auth_token": "k"},
			func(t *targetsfile.Target) { t.Headers = map[string]string{"Authorization": "Bearer k"} }},
		{"flat header Authorization", data{"name": "a", "type": "webhook", "url": "https://h/p", "headers": "authorization=Basic k="},
			func(t *targetsfile.Target) { t.Headers = map[string]string{"authorization": "Basic k="} }},
		{"enabled is true whatever else is set", data{"config": `{"name":"a","type":"webhook","url":"https://h/p","headers":{},"format":"webhook"}`}, nil},
		{"disabled", data{"config": `{"name":"a","type":"webhook","url":"https://h/p","enabled":false}`},
			func(t *targetsfile.Target) { t.Enabled = false }},
		{"format of a webhook", data{"config": `{"name":"a","type":"webhook","url":"https://h/p","format":"alertmanager"}`},
			func(t *targetsfile.Target) { t.PayloadFormat = "alertmanager" }},
		{"format defaults to the type", data{"config": `{"name":"a","type":"pagerduty","url":"https://h/p"}`},
			func(t *targetsfile.Target) { t.Type, t.PayloadFormat = "pagerduty", "pagerduty" }},
		{"headers", data{"config": `{"name":"a","type":"webhook","url":"https://h/p","headers":{"X-A":"b\tc","x-b":"\u00e9"}}`},
			func(t *targetsfile.Target) { t.Headers = map[string]string{"X-A": "b\tc", "x-b": "é"} }},
		{"filter_config as written, but for space", data{"config": `{"name":"a","type":"webhook","url":"https://h/p","filter_config": {"z": 1.0, "a": [1E300, 12345678901234567890, 5e-400], "s": "<&>\u003c"} }`},
			func(t *targetsfile.Target) {
				t.FilterConfig = json.RawMessage(`{"z":1.0,"a":[1E300,12345678901234567890,5e-400],"s":"<&>\u003c"}`)
			}},
		{"unknown keys are extra", data{"config": `{"name":"a","filters":[ {"a": 1.50} ],"type":"webhook","extra":null,"url":"https://h/p","":"x"}`},
			func(t *targetsfile.Target) {
				t.Extra = map[string]json.RawMessage{"filters": json.RawMessage(`[{"a":1.50}]`), "extra": json.RawMessage(`null`), "": json.RawMessage(`"x"`)}
			}},
		{"keys are case-sensitive", data{"config": `{"name":"a","Name":"B","type":"webhook","TYPE":"slack","url":"https://h/p"}`},
			func(t *targetsfile.Target) {
				t.Extra = map[string]json.RawMessage{"Name": json.RawMessage(`"B"`), "TYPE": json.RawMessage(`"slack"`)}
			}},
		{"keys and values may be escaped", data{"config": `{"\u006eame":"\u0061","type":"webhook","url":"https:\/\/h\/p"}`}, nil},
		{"a replacement character is one like others", data{"config": "{\"name\":\"a\",\"type\":\"webhook\",\"url\":\"https:\\/\\/h/\ufffd\",\"headers\":{\"A\":\"\\ufffd\",\"B\":\"\\t\ufffd\"},\"\\uFFFD\":1}"},
			func(t *targetsfile.Target) {
				t.URL, t.Headers = "https://h/\ufffd", map[string]string{"A": "\ufffd", "B": "\t\ufffd"}
				t.Extra = map[string]json.RawMessage{"\ufffd": json.RawMessage("1")}
			}},
		{"a pair of surrogates, and what only looks like half of one", data{"config": `{"name":"a","type":"webhook","url":"https://h/p","headers":{"A":"\ud83d\uDE00","B":"\\ud83d"}}`},
			func(t *targetsfile.Target) { t.Headers = map[string]string{"A": "😀", "B": `\ud83d`} }},
		{"the same key in different objects", data{"config": `{"name":"a","type":"webhook","url":"https://h/p","x":[{"a":1},{"a":{"a":2}}],"a":3}`},
			func(t *targetsfile.Target) {
				t.Extra = map[string]json.RawMessage{"x": json.RawMessage(`[{"a":1},{"a":{"a":2}}]`), "a": json.RawMessage(`3`)}
			}},
		{"brackets and quotes in strings", data{"config": `{"name":"a","type":"webhook","url":"https://h/p","x":"}],\"\\","y":"{"}`},
			func(t *targetsfile.Target) {
				t.Extra = map[string]json.RawMessage{"x": json.RawMessage(`"}],\"\\"`), "y": json.RawMessage(`"{"`)}
			}},
		{"scheme and host in upper case", data{"config": `{"name":"a","type":"webhook","url":"HTTP://H:80"}`},
			func(t *targetsfile.Target) { t.URL = "HTTP://H:80" }},
		{"an address, a port, a query and a fragment", data{"config": `{"name":"a","type":"webhook","url":"http://[::1]:8080/a%20b?q=%zz&r=?#f"}`},
			func(t *targetsfile.Target) { t.URL = "http://[::1]:8080/a%20b?q=%zz&r=?#f" }},
		{"letters beyond ASCII in a path", data{"config": `{"name":"a","type":"webhook","url":"https://xn--bcher-kva.example/ä"}`},
			func(t *targetsfile.Target) { t.URL = "https://xn--bcher-kva.example/ä" }},
		{"a host with an underscore, and one that is absolute", data{"config": `{"name":"a","type":"webhook","url":"https://my_svc.ns.svc.cluster.local.:8443/"}`},
			func(t *targetsfile.Target) { t.URL = "https://my_svc.ns.svc.cluster.local.:8443/" }},
		{"config.json", data{"config.json": minimal, "type": "nonsense"}, nil},
		{"target.json goes before config.json", data{"target.json": minimal, "config.json": "{"}, nil},
		{"type alertmanager", data{"config": `{"name":"a","type":"alertmanager","url":"https://h/p"}`},
			func(t *targetsfile.Target) { t.PayloadFormat = "alertmanager" }},
		{"type alertmanager after its format", data{"config": `{"name":"a","format":"alertmanager","type":"alertmanager","url":"https://h/p"}`},
			func(t *targetsfile.Target) { t.PayloadFormat = "alertmanager" }},
		{"flat type alertmanager", data{"name": "a", "type": "alertmanager", "url": "https://h/p"},
			func(t *targetsfile.Target) { t.PayloadFormat = "alertmanager" }},
		{"a surrogate pair", data{"config": `{"name":"a","type":"webhook","url":"https://h/p","\ud83d\ude00":"\ud83d\ude00\n\"\/"}`},
			func(t *targetsfile.Target) {
				t.Extra = map[string]json.RawMessage{"😀": json.RawMessage(`"\ud83d\ude00\n\"\/"`)}
			}},
		{"every escape", data{"config": `{"name":"a","type":"webhook","url":"https://h/p","headers":{"A":"\"\\\/\t\u0041\u00e9\u20ac\ud83d\ude00"}}`},
			func(t *targetsfile.Target) { t.Headers = map[string]string{"A": "\"\\/\tAé€😀"} }},
		{"flat keys that a template left empty", data{"name": "", "type": "webhook", "url": "https://h/p", "format": " ", "enabled": "\n", "headers": "", "filter_config": "", "auth_token": "k", "api_key": ""},
			func(t *targetsfile.Target) {
				t.Name, t.Headers = "own-name", map[string]string{"Authorization": "Bearer k"}
			}},
		{"flat filter_config", data{"name": "a", "type": "webhook", "url": "https://h/p", "filter_config": "{\"severity\": [\"critical\"], \"n\": 1.0}\n"},
			func(t *targetsfile.Target) { t.FilterConfig = json.RawMessage(`{"severity":["critical"],"n":1.0}`) }},
		{"a flat filter_config of many keys", data{"name": "a", "type": "webhook", "url": "https://h/p", "filter_config": "{" + numbered(2000) + "}"},
			func(t *targetsfile.Target) { t.FilterConfig = json.RawMessage("{" + numbered(2000) + "}") }},
		{"other flat keys", data{"name": "a", "type": "pagerduty", "url": "https://h/p", "routing-key": "R0\n", "ca.crt": "<a&b>\nc", "enabled_by": "", "_x": "\u00e9\""},
			func(t *targetsfile.Target) {
				t.Type, t.PayloadFormat = "pagerduty", "pagerduty"
				t.Extra = map[string]json.RawMessage{"routing-key": json.RawMessage(`"R0"`), "ca.crt": json.RawMessage(`"<a&b>\nc"`),
					"enabled_by": json.RawMessage(`""`), "_x": json.RawMessage(`"é\""`)}
			}},
		{"flat headers in lines", data{"name": "a", "type": "webhook", "url": "https://h/p", "headers": "\n  A: b=c, d:e\r\n\n  Authorization : Token token=x\r\n"},
			func(t *targetsfile.Target) {
				t.Headers = map[string]string{"A": "b=c, d:e", "Authorization": "Token token=x"}
			}},
		{"a flat header in one line", data{"name": "a", "type": "webhook", "url": "https://h/p", "headers": "Authorization: Bearer x=="},
			func(t *targetsfile.Target) { t.Headers = map[string]string{"Authorization": "Bearer x=="} }},
		{"a date in a line", data{"name": "a", "type": "webhook", "url": "https://h/p", "headers": "A: Mon, 02 Jan 2006 15:04:05 GMT"},
			func(t *targetsfile.Target) { t.Headers = map[string]string{"A": "Mon, 02 Jan 2006 15:04:05 GMT"} }},
		{"flat headers with a colon in a value", data{"name": "a", "type": "webhook", "url": "https://h/p", "headers": "A = b:c,\n D=e: f"},
			func(t *targetsfile.Target) { t.Headers = map[string]string{"A": "b:c", "D": "e: f"} }},
		{"flat headers in JSON", data{"name": "a", "type": "webhook", "url": "https://h/p", "headers": "{\"A\": \"b,c\\u0041\",\n\"Authorization\": \"Bearer x\"}"},
			func(t *targetsfile.Target) { t.Headers = map[string]string{"A": "b,cA", "Authorization": "Bearer x"} }},
		{"flat headers in empty JSON", data{"name": "a", "type": "webhook", "url": "https://h/p", "headers": "{}"}, nil},
		{"double base64", data{"config": base64.StdEncoding.EncodeToString([]byte(minimal)) + "\n"}, nil},
		{"double base64 in lines, as base64(1) writes them", data{"target.json": fold(base64.StdEncoding.EncodeToString([]byte(" "+minimal+"\n")), 16)}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.data.decode()
			if got.Fault != nil {
				t.Fatalf("got fault %q, want a target", got.Fault.Message())
			}
			if diff := cmp.Diff(visible(target(tt.edit)), visible(got.Entry.Target)); diff != "" {
				t.Errorf("target (-want +got):\n%s", diff)
			}
			checkSchema(t, tt.data, true)
		})
	}
}

// fold breaks text into lines.
func fold(text string, width int) string {
	var b strings.Builder
	for len(text) > width {
		b.WriteString(text[:width] + "\n")
		text = text[width:]
	}
	return b.String() + text
}

func TestDecodeKeepsIdentity(t *testing.T) {
	obj := data{"config": minimal}.secret()
	obj.ResourceVersion = "42"
	obj.CreationTimestamp = metav1.NewTime(time.Unix(1_700_000_000, 0))
	for _, config := range []string{minimal, "broken"} {
		obj.Data["config"] = []byte(config)
		got := secret.Decode(obj)
		if got.Key != "ns/own-name" || got.UID != "uid-1" || got.ResourceVersion != "42" || got.Created.Unix() != 1_700_000_000 {
			t.Errorf("config %q: got %q %q %q %v, want the Secret's own", config, got.Key, got.UID, got.ResourceVersion, got.Created)
		}
		if (got.Entry == nil) == (got.Fault == nil) {
			t.Errorf("config %q: got entry %v and fault %v, want exactly one", config, got.Entry, got.Fault)
		}
	}
}

// A decoded target lives as long as it is published; it must not be changed by, nor hold on to, the buffer it was read from.
func TestDecodeSharesNoMemory(t *testing.T) {
	for name, d := range map[string]data{
		"config": {"config": `{"name":"a","type":"webhook","url":"https://h/p","headers":{"A":"b"},"filter_config":{"x":1},"y":[2]}`},
		"flat":   {"name": "a", "type": "webhook", "url": "https://h/p", "headers": "A=b"},
	} {
		t.Run(name, func(t *testing.T) {
			obj := d.secret()
			want, got := secret.Decode(obj), secret.Decode(obj)
			for _, value := range obj.Data {
				clear(value)
			}
			if diff := cmp.Diff(visible(want.Entry.Target), visible(d.decode().Entry.Target)); diff != "" {
				t.Fatalf("decoding is not deterministic:\n%s", diff)
			}
			if diff := cmp.Diff(visible(d.decode().Entry.Target), visible(got.Entry.Target)); diff != "" {
				t.Errorf("target after its Secret was overwritten (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeWarnings(t *testing.T) {
	flat := func(more data) data {
		d := data{"name": "a", "type": "webhook", "url": "https://h/p"}
		for key, value := range more {
			d[key] = value
		}
		return d
	}
	const notName, notType = "is not the field name: nothing acts on it, it is passed on as it is", "is not the field type: nothing acts on it, it is passed on as it is"
	for _, tt := range []struct {
		name string
		data data
		want []string
	}{
		{"none", data{"config": minimal}, nil},
		{"double base64", data{"config": base64.StdEncoding.EncodeToString([]byte(minimal))},
			[]string{"config: is base64-encoded twice, once is enough"}},
		{"keys beside config", data{"config": minimal, "target.json": "{}", "enabled": "false"},
			[]string{"not read beside config: enabled, target.json"}},
		{"many keys beside config", data{"config": minimal, "k1": "", "k2": "", "k3": "", "k4": "", "k5": "", "k6": "", "k7": "", "k8": "", "k9": "", strings.Repeat("k", 64): "", "k0": ""},
			[]string{"not read beside config: k0, k1, k2, k3, k4, k5, k6, k7, 3 more"}},
		{"keys beside config that may be values", data{"config": minimal, ".s3cr3t": "x"}, []string{"not read beside config: 1 more"}},
		{"flat keys that may be values", flat(data{"-x": "x", "9x": "y", "ok.key-1": "z", strings.Repeat("k", 64): ""}),
			[]string{"keys that are neither read nor passed on: 3"}},
		{"a flat key that is no text", flat(data{"keystore": "\xfe\xff"}), []string{"keys that are neither read nor passed on: 1"}},
		{"an empty api_key", flat(data{"api_key": " ", "auth_token": "\n"}),
			[]string{"api_key: is empty, so it gives no header Authorization", "auth_token: is empty, so it gives no header Authorization"}},
		{"a field in the wrong case", data{"config": `{"name":"a","type":"webhook","url":"https://h/p","Enabled":false}`},
			[]string{"Enabled: is not the field enabled: nothing acts on it, it is passed on as it is"}},
		{"other words for fields", data{"config": `{"name":"a","type":"webhook","url":"https://h/p","webhook_url":"x","header":{},"filterConfig":{},"filter-config":{},"disabled":true,"apiKey":"x"}`},
			[]string{"webhook_url: is not the field url: nothing acts on it, it is passed on as it is", "header: is not the field headers: nothing acts on it, it is passed on as it is",
				"filterConfig: is not the field filter_config: nothing acts on it, it is passed on as it is",
				"filter-config: is not the field filter_config: nothing acts on it, it is passed on as it is",
				"disabled: is not the field enabled: nothing acts on it, it is passed on as it is", "apiKey: is not the field headers.Authorization: nothing acts on it, it is passed on as it is"}},
		{"other words for flat keys", flat(data{"api-key": "x", "filterConfig": "{}"}),
			[]string{"api-key: is not the field api_key: nothing acts on it, it is passed on as it is",
				"filterConfig: is not the field filter_config: nothing acts on it, it is passed on as it is"}},
		{"what nothing acts on", data{"config": `{"name":"a","type":"webhook","url":"https://h/p","filters":[],"auth":{"type":"basic"},"timeout":"5s","retry":{"max":3}}`},
			[]string{"filters: nothing acts on it, it is passed on as it is", "auth: nothing acts on it, it is passed on as it is",
				"timeout: nothing acts on it, it is passed on as it is", "retry: nothing acts on it, it is passed on as it is"}},
		{"keys of an app's own", data{"config": `{"name":"a","type":"webhook","url":"https://h/p","metadata":{},"team":"sre","tape":1,"game":2,"curl":3,"routing-key":"x","channel":"#a","labels":{},"names":[],"filtered":true}`}, nil},
		{"more warnings than anybody reads", data{"config": minimal[:len(minimal)-1] + `,"NAME":1,"nAME":1,"NaME":1,"NAmE":1,"NAMe":1,"TYPE":1,"tYPE":1,"TyPE":1,"TYpE":1,"TYPe":1,"URL":1,"uRL":1}`},
			[]string{"NAME: " + notName, "nAME: " + notName, "NaME: " + notName, "NAmE: " + notName, "NAMe: " + notName,
				"TYPE: " + notType, "tYPE: " + notType, "TyPE: " + notType, "TYpE: " + notType, "TYPe: " + notType, "2 more warnings"}},
		{"api_key in JSON", data{"config": `{"name":"a","type":"webhook","url":"https://h/p","api_key":"x"}`},
			[]string{"api_key: gives no header in a JSON object and is passed on as it is; write headers.Authorization"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.data.decode()
			if got.Fault != nil {
				t.Errorf("got fault %q, want only warnings", got.Fault.Message())
			}
			if diff := cmp.Diff(tt.want, warnings(got)); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}
