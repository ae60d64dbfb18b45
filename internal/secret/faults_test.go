package secret_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/alert-history/refresh-sidecar/internal/secret"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// with returns minimal with one more or another field.
func with(field, value string) data {
	fields := map[string]string{"name": `"a"`, "type": `"webhook"`, "url": `"https://h/p"`}
	fields[field] = value
	var members []string
	for _, key := range []string{"name", "type", "url", "format", "enabled", "headers", "filter_config", "x"} {
		if v, ok := fields[key]; ok {
			members = append(members, fmt.Sprintf("%q:%s", key, v))
		}
	}
	return data{"config": "{" + strings.Join(members, ",") + "}"}
}

const (
	nameRule    = "name: must be a DNS-1123 label of at most 63 characters"
	typeRule    = "type: must be one of slack, pagerduty, rootly, webhook"
	urlRule     = "url: must be an absolute http or https URL"
	formatRule  = "format: must be one of alertmanager, slack, pagerduty, rootly, webhook"
	tokenRule   = "the name must be letters, digits and !#$%&'*+-.^_`|~"
	emptyRule   = "the value must not be empty"
	halfRule    = "the value must not hold a broken Unicode escape"
	controlRule = "the value must not hold line breaks or control characters"
	authRule    = "only one of api_key, auth_token and a header Authorization may be given"
)

func TestDecodeRefusesUnreadable(t *testing.T) {
	const known = "must hold the fields of a target, such as name, type and url"
	const twice = "must not hold the same key twice in one object"
	for _, tt := range []struct {
		name string
		data data
		want string
	}{
		{"nothing", data{}, "holds no known key"},
		{"no known key", data{"filter_config": "{}", "Name": "a"}, "holds no known key"},
		{"empty config", data{"config": ""}, "config: must be valid JSON, it breaks at line 1, column 1"},
		{"a broken config hides the rest", data{"config": "{", "target.json": minimal, "name": "a", "type": "webhook", "url": "https://h/p"},
			"config: must be valid JSON, it breaks at line 1, column 1"},
		{"a broken target.json hides flat keys", data{"target.json": "[]", "name": "a", "type": "webhook", "url": "https://h/p"},
			"target.json: must be a JSON object"},
		{"a trailing comma", data{"config": "{\n \"näme\": \"a\",}"}, "config: must be valid JSON, it breaks at line 2, column 14"},
		{"two objects", data{"config": minimal + "{}"}, "config: must be valid JSON, it breaks at line 1, column 50"},
		{"YAML", data{"config": "name: a\n"}, "config: must be valid JSON, it breaks at line 1, column 2"},
		{"a byte order mark", data{"config": "\ufeff" + minimal}, "config: must be valid JSON, it breaks at line 1, column 1"},
		{"a string", data{"config": `"{}"`}, "config: must be a JSON object"},
		{"base64 of no object", data{"config": base64.StdEncoding.EncodeToString([]byte(`[1]`))}, "config: must be valid JSON, it breaks at line 1, column 1"},
		{"base64 of base64", data{"config": base64.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString([]byte(minimal))))},
			"config: must be valid JSON, it breaks at line 1, column 1"},
		{"base64 of a broken object", data{"config": base64.StdEncoding.EncodeToString([]byte(`{"name"`))}, "config: must be valid JSON, it breaks at line 1, column 7"},
		{"not UTF-8", with("x", "\"\xff\""), "config: must be UTF-8 text"},
		{"base64 of what is not UTF-8", data{"config": base64.StdEncoding.EncodeToString([]byte("{\"x\":\"\xff\"}"))}, "config: must be UTF-8 text"},
		{"an empty object", data{"config": "{}"}, "config: " + known},
		{"fields in another case", data{"config": `{"Name":"a","Type":"webhook","URL":"https://h/p"}`}, "config: " + known},
		{"a target inside an object", data{"config": `{"target":` + minimal + `}`}, "config: " + known},
		{"duplicate field", data{"config": `{"name":"a","url":"https://h/p","name":"b"}`}, "config.name: " + twice},
		{"duplicate field, escaped", data{"config": `{"name":"a","n\u0061me":"b"}`}, "config.name: " + twice},
		{"duplicate unknown key", data{"config": `{"name":"a","some-key":1,"some-key":1}`}, "config.some-key: " + twice},
		{"duplicate key that may be a value", data{"config": `{"a b":1,"a b":1}`}, "config: " + twice},
		{"duplicate header", with("headers", `{"A":"b","A":"c"}`), "config.headers: " + twice},
		{"duplicate key far inside", with("filter_config", `{"a":[[{"b":{"k":1,"l":2,"k":3}}]]}`), "config.filter_config: " + twice},
		{"duplicate among many", with("x", "{"+numbered(1000)+`,"k7":0}`), "config.x: " + twice},
		{"half a surrogate pair in a key", data{"config": `{"\ud800":1}`}, "config: must not hold a key with a broken Unicode escape"},
		{"too deep", with("x", strings.Repeat("[", 100)+strings.Repeat("]", 100)), "config.x: must not nest deeper than 100 levels"},
		{"too deep for package json", with("x", strings.Repeat("[", 20_000)+strings.Repeat("]", 20_000)), "config: must be valid JSON, it breaks at line 1, column 10053"},
		{"flat key not UTF-8", data{"name": "a", "type": "\xff", "url": "\xfe"}, "type: must be UTF-8 text; url: must be UTF-8 text"},
	} {
		t.Run(tt.name, func(t *testing.T) { checkFault(t, tt.data, targetsfile.RejectParse, tt.want) })
	}
}

func numbered(n int) string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf(`"k%d":0`, i)
	}
	return strings.Join(keys, ",")
}

func checkFault(t *testing.T, d data, reason, message string) {
	t.Helper()
	got := d.decode()
	if got.Entry != nil || got.Fault == nil {
		t.Fatalf("got entry %v, want a fault", got.Entry)
	}
	if diff := cmp.Diff([]string{reason, message}, []string{got.Fault.Reason, got.Fault.Message()}); diff != "" {
		t.Errorf("fault (-want +got):\n%s", diff)
	}
}

func TestDecodeRefusesBrokenFields(t *testing.T) {
	for _, tt := range []struct {
		name string
		data data
		want string
	}{
		{"all required are missing", data{"config": `{"enabled":true}`}, "name: is required; type: is required; url: is required"},
		{"every field is broken", data{"config": `{"name":"A","type":"x","url":"h","format":"y","enabled":1,"headers":[],"filter_config":0}`},
			strings.Join([]string{nameRule, typeRule, urlRule, formatRule, "enabled: must be true or false",
				"headers: must be an object of strings", "filter_config: must be an object"}, "; ")},
		{"every field is null", data{"config": `{"name":null,"type":null,"url":null,"format":null,"enabled":null,"headers":null,"filter_config":null}`},
			"name: must be a string; type: must be a string; url: must be a string; format: must be a string; enabled: must be true or false; " +
				"headers: must be an object of strings; filter_config: must be an object"},

		{"empty name", with("name", `""`), nameRule},
		{"name in upper case", with("name", `"Slack"`), nameRule},
		{"name with a dot", with("name", `"a.b"`), nameRule},
		{"name with a hyphen at its end", with("name", `"a-"`), nameRule},
		{"name with a line break", with("name", `"a\n"`), nameRule},
		{"name too long", with("name", `"`+strings.Repeat("a", 64)+`"`), nameRule},

		{"type in upper case", with("type", `"Slack"`), typeRule},
		{"type is no string", with("type", `["slack"]`), "type: must be a string"},

		{"empty URL", with("url", `""`), urlRule},
		{"relative URL", with("url", `"/p"`), urlRule},
		{"URL without scheme", with("url", `"//h/p"`), urlRule},
		{"URL of another scheme", with("url", `"ftp://h/p"`), urlRule},
		{"URL without host", with("url", `"https:///p"`), urlRule},
		{"URL with only a port", with("url", `"https://:443/p"`), urlRule},
		{"opaque URL", with("url", `"https:h/p"`), urlRule},
		{"URL with a broken port", with("url", `"https://h:p/"`), urlRule},
		{"URL with a port beyond 16 bits", with("url", `"https://h:65536/p"`), "url: must have a port from 1 to 65535, or none"},
		{"URL with port 0", with("url", `"https://h:0/p"`), "url: must have a port from 1 to 65535, or none"},
		{"URL with a broken escape", with("url", `"https://h/%zz"`), urlRule},
		{"URL with a control character", with("url", `"https://h/\u0000"`), urlRule},
		{"URL with user info", with("url", `"https://u:p@h/"`), "url: must not hold user info"},
		{"URL with empty user info", with("url", `"https://@h/"`), "url: must not hold user info"},
		{"URL with a line break", with("url", `"https://h/\n"`), "url: must not hold spaces or line breaks"},
		{"URL with a space", with("url", `"https://h/a b"`), "url: must not hold spaces or line breaks"},

		{"URL with a space that does not show", with("url", `"https://h/\u00a0"`), "url: must not hold spaces or line breaks"},
		{"URL with a broken host", with("url", `"https://a^b/"`), urlRule},
		{"URL with a broken address", with("url", `"https://[h/"`), urlRule},
		{"header value of a space that does not show", with("headers", `{"A":"\u3000"}`), "headers: A: " + emptyRule},

		{"empty format", with("format", `""`), formatRule},
		{"format of another type", with("format", `"slack"`), "format: does not suit type webhook"},
		{"alertmanager for Slack", data{"config": `{"name":"a","type":"slack","url":"https://h/p","format":"alertmanager"}`}, "format: does not suit type slack"},
		{"webhook for Rootly", data{"config": `{"name":"a","type":"rootly","url":"https://h/p","format":"webhook"}`}, "format: does not suit type rootly"},
		{"format with a broken type", data{"config": `{"name":"a","type":"x","url":"https://h/p","format":"slack"}`}, typeRule},
		{"enabled in quotes", with("enabled", `"true"`), "enabled: must be true or false"},
		{"filter_config is an array", with("filter_config", `[]`), "filter_config: must be an object"},
		{"filter_config is a string", with("filter_config", `"{}"`), "filter_config: must be an object"},

		{"header values", with("headers", `{"A":"","B":" ","C":1,"D":"x\r\ny","E":"\u0000","F":"\ud800"}`),
			"headers: A: " + emptyRule + "; headers: B: " + emptyRule + "; headers: C: the value must be a string; " +
				"headers: D: " + controlRule + "; headers: E: " + controlRule + "; headers: F: " + halfRule},
		{"header names", with("headers", `{"":"x","a b":"x","a:":"x","é":"x","a\n":"x"}`),
			"headers: entry 1: " + tokenRule + "; headers: entry 2: " + tokenRule + "; headers: entry 3: " + tokenRule +
				"; headers: entry 4: " + tokenRule + "; headers: entry 5: " + tokenRule},
		{"header name too long to show", with("headers", `{"`+strings.Repeat("a", 65)+`":""}`), "headers: entry 1: " + emptyRule},

		{"flat without type and url", data{"name": "a"}, "type: is required; url: is required"},
		{"flat, all broken", data{"name": "A", "type": "", "url": "h", "format": "", "enabled": "yes", "headers": "a"},
			strings.Join([]string{nameRule, typeRule, urlRule, formatRule, "enabled: must be true or false", "headers: entry 1: must be name=value"}, "; ")},
		{"flat headers", data{"type": "webhook", "url": "https://h/p", "headers": "A=b,,=c,D=,A:B=c,a=e,F=g\x00"},
			"headers: entry 2: must be name=value; headers: entry 3: " + tokenRule + "; headers: entry 4: " + emptyRule + "; headers: entry 5: " + tokenRule +
				"; headers: entry 6: a header of this name is there already; headers: entry 7: " + controlRule},
		{"api_key and auth_token", data{"type": "webhook", "url": "https://h/p", "api_key": "a", "auth_token": "b"}, "api_key: " + authRule},
		{"api_key and header", data{"type": "webhook", "url": "https://h/p", "api_key": "a", "headers": "authorization=b"}, "api_key: " + authRule},
		{"auth_token and header", data{"type": "webhook", "url": "https://h/p", "auth_token": "a", "headers": "Authorization=b"}, "auth_token: " + authRule},
		{"empty api_key", data{"type": "webhook", "url": "https://h/p", "api_key": " \n"}, "api_key: must not be empty"},
		{"empty api_key beside auth_token", data{"type": "webhook", "url": "https://h/p", "api_key": "", "auth_token": "b"}, "api_key: " + authRule + "; api_key: must not be empty"},
		{"api_key with a line break", data{"type": "webhook", "url": "https://h/p", "api_key": "a\nb"}, "api_key: " + controlRule},
	} {
		t.Run(tt.name, func(t *testing.T) {
			checkFault(t, tt.data, targetsfile.RejectValidate, tt.want)
			checkSchema(t, tt.data, false)
		})
	}
}

// Every character is tried: in a name those of RFC 9110's tokens are taken, in a value all but control characters, the tab not counted.
func TestDecodeHeaderCharacters(t *testing.T) {
	const tokens = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	for c := range rune(0x300) {
		header := func(name, value string) bool {
			doc, err := json.Marshal(map[string]any{"name": "a", "type": "webhook", "url": "https://h/p", "headers": map[string]string{name: value}})
			if err != nil {
				t.Fatal(err)
			}
			return data{"config": string(doc)}.decode().Fault == nil
		}
		if got, want := header("A"+string(c), "x"), strings.ContainsRune(tokens, c); got != want {
			t.Errorf("%q in a name: got accepted %t, want %t", c, got, want)
		}
		if got, want := header("A", "x"+string(c)), c == '\t' || c >= ' ' && c != 0x7f; got != want {
			t.Errorf("%q in a value: got accepted %t, want %t", c, got, want)
		}
	}
}

func TestDecodeUsesSecretNameOnlyIfItIsALabel(t *testing.T) {
	obj := data{"type": "webhook", "url": "https://h/p"}.secret()
	obj.Name = "dotted.name"
	got := secret.Decode(obj)
	if got.Fault == nil || got.Fault.Message() != nameRule {
		t.Errorf("got %+v, want %q", got.Fault, nameRule)
	}
}

func TestDecodeLimits(t *testing.T) {
	quoted := func(n int) string { return `"` + strings.Repeat("x", n) + `"` }
	fixed := with("x", quoted(0)).decode().Entry.Size()

	t.Run("a target of 256 KiB", func(t *testing.T) {
		got := with("x", quoted(targetsfile.MaxTargetBytes-fixed)).decode()
		if got.Entry == nil || got.Entry.Size() != targetsfile.MaxTargetBytes {
			t.Errorf("got %+v, want it accepted", got.Fault)
		}
	})
	t.Run("a target of one byte more", func(t *testing.T) {
		checkFault(t, with("x", quoted(targetsfile.MaxTargetBytes-fixed+1)), targetsfile.RejectValidate, "must be at most 256 KiB as a target")
	})
	t.Run("space does not count", func(t *testing.T) {
		if got := with("x", strings.Repeat(" ", 2*targetsfile.MaxTargetBytes)+"1").decode(); got.Fault != nil {
			t.Errorf("got %q, want it accepted", got.Fault.Message())
		}
	})
	t.Run("a Secret of 1 MiB", func(t *testing.T) {
		if got := (data{"config": minimal, "x": strings.Repeat(" ", 1<<20-len(minimal))}).decode(); got.Fault != nil {
			t.Errorf("got %q, want it accepted", got.Fault.Message())
		}
	})
	t.Run("a Secret of one byte more", func(t *testing.T) {
		d := data{"config": minimal, "x": strings.Repeat(" ", 1<<20-len(minimal)+1)}
		checkFault(t, d, targetsfile.RejectValidate, "must hold at most 1 MiB")
	})
	t.Run("depth as far as it goes", func(t *testing.T) {
		if got := with("x", strings.Repeat("[", 99)+strings.Repeat("]", 99)).decode(); got.Fault != nil {
			t.Errorf("got %q, want it accepted", got.Fault.Message())
		}
	})
	t.Run("a message stays short", func(t *testing.T) {
		d := data{"type": "webhook", "url": "https://h/p", "headers": strings.Repeat(",", 50_000)}
		got := d.decode().Fault
		if n := len(got.Problems); n != 11 {
			t.Fatalf("got %d problems, want 10 and a count", n)
		}
		if got, want := got.Problems[10].String(), "headers: 49991 more are broken"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestProblemsCarryHints(t *testing.T) {
	for name, d := range map[string]data{
		"unknown keys": {"x": "y"}, "bad URL": with("url", `"h"`), "quoted boolean": with("enabled", `"true"`), "bad JSON": {"config": "{,}"},
		"unsuitable format": with("format", `"slack"`), "two credentials": {"type": "slack", "url": "https://h/p", "api_key": "a", "auth_token": "b"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, p := range d.decode().Fault.Problems {
				if p.Hint == "" {
					t.Errorf("got no hint for %q, want one", p)
				}
			}
		})
	}
}
