package secret_test

import (
	"encoding/base64"
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
	for _, key := range []string{"name", "type", "url", "format", "enabled", "headers", "filter_config", "x", "api_key", "URL", "filters"} {
		if v, ok := fields[key]; ok {
			members = append(members, fmt.Sprintf("%q:%s", key, v))
		}
	}
	return data{"config": "{" + strings.Join(members, ",") + "}"}
}

const (
	nameRule    = "name: must be a DNS-1123 label of at most 63 characters"
	typeRule    = "type: must be one of alertmanager, slack, pagerduty, rootly, webhook"
	urlRule     = "url: must be an absolute http or https URL"
	formatRule  = "format: must be one of alertmanager, slack, pagerduty, rootly, webhook"
	tokenRule   = "the name must be letters, digits and !#$%&'*+-.^_`|~"
	emptyRule   = "the value must not be empty"
	controlRule = "the value must not hold line breaks or control characters"
	oneRule     = "may be several headers in one line"
	authRule    = "only one of api_key, auth_token and a header Authorization may be given"

	invisibleRule  = "url: must not hold characters that do not show"
	characterRule  = "url: must not hold any of <>\"{}|\\`^"
	hostRule       = "url: must have a host that is an IP address or a name of ASCII letters, digits, -, _ and ."
	credentialRule = "the credential must be visible ASCII characters without white space"
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
		{"no known key", data{"filter-config": "{}", "Name": "a"}, "holds no known key"},
		{"empty config", data{"config": ""}, "config: must be valid JSON, it breaks at line 1, column 1"},
		{"a broken config hides the rest", data{"config": "{", "target.json": minimal, "name": "a", "type": "webhook", "url": "https://h/p"},
			"config: must be valid JSON, it breaks at line 1, column 1"},
		{"a broken target.json hides flat keys", data{"target.json": "[]", "name": "a", "type": "webhook", "url": "https://h/p"},
			"target.json: must be a JSON object"},
		{"a trailing comma", data{"config": "{\n \"näme\": \"a\",}"}, "config: must be valid JSON, it breaks at line 2, column 14"},
		{"two objects", data{"config": minimal + "{}"}, "config: must be valid JSON, it breaks at line 1, column 50"},
		{"YAML", data{"config": "name: a\n"}, "config: must be JSON, not YAML"},
		{"YAML with a comment and a marker", data{"target.json": "# Slack\n---\nname: a\n"}, "target.json: must be JSON, not YAML"},
		{"YAML of a nested key", data{"config.json": "\ntarget:\n  name: a\n"}, "config.json: must be JSON, not YAML"},
		{"a broken config.json hides flat keys", data{"config.json": "", "name": "a", "type": "webhook", "url": "https://h/p"},
			"config.json: must be valid JSON, it breaks at line 1, column 1"},
		{"a byte order mark", data{"config": "\ufeff" + minimal}, "config: must be valid JSON, it breaks at line 1, column 1"},
		{"a broken escape", data{"config": `{"url":"C:\u12G4"}`}, "config: must be valid JSON, it breaks at line 1, column 11"},
		{"an unknown escape", data{"config": `{"url":"C:\xyz"}`}, "config: must be valid JSON, it breaks at line 1, column 11"},
		{"an escape that is cut short", data{"config": `{"url":"C:\u`}, "config: must be valid JSON, it breaks at line 1, column 11"},
		{"an escape that lines break", data{"config": `{"url":"C:\u` + "\n\n\"}"}, "config: must be valid JSON, it breaks at line 1, column 11"},
		{"a letter behind an escaped backslash", data{"config": `{"url":"\\"x}`}, "config: must be valid JSON, it breaks at line 1, column 12"},
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
		{"duplicate among many, escaped", with("x", "{"+numbered(1000)+`,"\u006b7":0}`), "config.x: " + twice},
		{"duplicate among many fields", data{"config": "{" + numbered(20) + `,"k7":0}`}, "config.k7: " + twice},
		{"half a surrogate pair in a key", data{"config": `{"\ud800":1}`}, "config: must not hold half of a surrogate pair"},
		{"half a surrogate pair in a key behind another", data{"config": `{"name":"a","\udc00":1}`}, "config: must not hold half of a surrogate pair"},
		{"the second half of a surrogate pair in a field", with("url", `"https://h/\udfff"`), "config.url: must not hold half of a surrogate pair"},
		{"two first halves in a header", with("headers", `{"A":"\ud83d\ud83d"}`), "config.headers: must not hold half of a surrogate pair"},
		{"half a surrogate pair far inside", with("filter_config", `{"a":[{"b":"x\ud800"}]}`), "config.filter_config: must not hold half of a surrogate pair"},
		{"half a surrogate pair in what is passed on", with("x", `["\ud800x"]`), "config.x: must not hold half of a surrogate pair"},
		{"a number beyond a double", with("filter_config", `{"a":[1E400]}`), "config.filter_config: must not hold a number beyond a double's range"},
		{"a negative number beyond a double", with("x", `-1e309`), "config.x: must not hold a number beyond a double's range"},
		{"a number of 400 digits", with("x", strings.Repeat("9", 400)), "config.x: must not hold a number beyond a double's range"},
		{"filter_config in a flat key", data{"type": "webhook", "url": "https://h/p", "filter_config": "{severity: critical}"},
			"filter_config: must be valid JSON, it breaks at line 1, column 2"},
		{"filter_config in YAML in a flat key", data{"type": "webhook", "url": "https://h/p", "filter_config": "severity:\n- critical"}, "filter_config: must be JSON, not YAML"},
		{"a key twice in a flat filter_config", data{"type": "webhook", "url": "https://h/p", "filter_config": `{"a":1,"a":2}`}, "filter_config: " + twice},
		{"flat filter_config is an array", data{"type": "webhook", "url": "https://h/p", "filter_config": `["critical"]`}, "filter_config: must be a JSON object"},
		{"flat filter_config is null", data{"type": "webhook", "url": "https://h/p", "filter_config": `null`}, "filter_config: must be a JSON object"},
		{"flat headers in broken JSON", data{"type": "webhook", "url": "https://h/p", "headers": `{"A":"b",}`}, "headers: must be valid JSON, it breaks at line 1, column 10"},
		{"a flat header twice in JSON", data{"type": "webhook", "url": "https://h/p", "headers": `{"A":"b","A":"c"}`}, "headers.A: " + twice},
		{"what cannot be read comes with what breaks a rule", data{"type": "x", "url": "\xff"}, typeRule + "; url: must be UTF-8 text"},
		{"too deep", with("x", strings.Repeat("[", 60)+strings.Repeat("]", 60)), "config.x: must not nest deeper than 60 levels"},
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
		{"URL with a control character", with("url", `"https://h/\u0000"`), invisibleRule},
		{"URL with a control character beyond ASCII", with("url", `"https://h/\u0081"`), invisibleRule},
		{"URL with a space of no width", with("url", `"https://h/\u200bx"`), invisibleRule},
		{"URL with a soft hyphen", with("url", `"https://h\u00ad.example/"`), invisibleRule},
		{"URL with a byte order mark", with("url", `"\ufeffhttps://h/"`), invisibleRule},
		{"URL that shows in another order", with("url", `"https://h/\u202efdp.x"`), invisibleRule},
		{"URL with an isolate", with("url", `"https://h/\u2066x\u2069"`), invisibleRule},
		{"URL with a tag character", with("url", `"https://h/\udb40\udc41"`), invisibleRule},
		{"URL with a variation selector", with("url", `"https://h/\ufe0f"`), invisibleRule},
		{"URL with a bar", with("url", `"https://h/a|b"`), characterRule},
		{"URL with quotes inside", with("url", `"https://h/\"a\""`), characterRule},
		{"URL with a backslash", with("url", `"https:\\\\h\\p"`), characterRule},
		{"URL with angle brackets", with("url", `"https://h/<token>"`), characterRule},
		{"URL with one brace", with("url", `"https://h/{token}"`), characterRule},
		{"URL with a backquote", with("url", "\"https://h/`a`\""), characterRule},
		{"URL with letters beyond ASCII in its host", with("url", `"https://b\u00fccher.example/"`), hostRule},
		{"URL with a letter that looks like another", with("url", `"https://h\u043e\u043eks.slack.com/"`), hostRule},
		{"URL with a punctuation mark in its host", with("url", `"https://h!x/"`), hostRule},
		{"URL with an empty part of its host", with("url", `"https://h..x/"`), hostRule},
		{"URL with a zone", with("url", `"https://[fe80::1%25eth0]/"`), hostRule},

		{"URL with user info", with("url", `"https://u:p@h/"`), "url: must not hold user info"},
		{"URL with empty user info", with("url", `"https://@h/"`), "url: must not hold user info"},
		{"URL with a line break", with("url", `"https://h/\n"`), "url: must not hold spaces or line breaks"},
		{"URL with a space", with("url", `"https://h/a b"`), "url: must not hold spaces or line breaks"},

		{"URL with a space that does not show", with("url", `"https://h/\u00a0"`), "url: must not hold spaces or line breaks"},
		{"URL with a broken host", with("url", `"https://a^b/"`), characterRule},
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

		{"header values", with("headers", `{"A":"","B":" ","C":1,"D":"x\r\ny","E":"\u0000"}`),
			"headers: A: " + emptyRule + "; headers: B: " + emptyRule + "; headers: C: the value must be a string; " +
				"headers: D: " + controlRule + "; headers: E: " + controlRule},
		{"header names", with("headers", `{"":"x","a b":"x","a:":"x","é":"x","a\n":"x"}`),
			"headers: entry 1: " + tokenRule + "; headers: entry 2: " + tokenRule + "; headers: entry 3: " + tokenRule +
				"; headers: entry 4: " + tokenRule + "; headers: entry 5: " + tokenRule},
		{"header name too long to show", with("headers", `{"`+strings.Repeat("a", 65)+`":""}`), "headers: entry 1: " + emptyRule},

		{"flat without type and url", data{"name": "a"}, "type: is required; url: is required"},
		{"flat with an empty type and url", data{"name": "a", "type": " ", "url": "\n"}, "type: is required; url: is required"},
		{"alertmanager in the form of a webhook", data{"config": `{"name":"a","type":"alertmanager","url":"https://h/p","format":"webhook"}`}, "format: does not suit type alertmanager"},
		{"Alertmanager in upper case", with("type", `"Alertmanager"`), typeRule},
		{"flat, all broken", data{"name": "A", "type": "x", "url": "h", "format": "y", "enabled": "yes", "headers": "a"},
			strings.Join([]string{nameRule, typeRule, urlRule, formatRule, "enabled: must be true or false", "headers: entry 1: must be name=value"}, "; ")},
		{"flat headers", data{"type": "webhook", "url": "https://h/p", "headers": "A=b,,=c,D=,A:B=c,a=e,F=g\x00"},
			"headers: entry 2: must be name=value; headers: entry 3: " + tokenRule + "; headers: entry 4: " + emptyRule + "; headers: entry 5: " + tokenRule +
				"; headers: entry 6: a header of this name is there already; headers: entry 7: " + controlRule},
		{"flat headers in lines", data{"type": "webhook", "url": "https://h/p", "headers": "A: b\nC=d\nE\n# F: g\nH:\na: i\nJ K: l"},
			"headers: entry 2: must be Name: value; headers: entry 3: must be Name: value; headers: entry 4: must be Name: value; headers: entry 5: " + emptyRule +
				"; headers: entry 6: a header of this name is there already; headers: entry 7: " + tokenRule},
		{"flat headers in lines of name=value", data{"type": "webhook", "url": "https://h/p", "headers": "A=b\nC=d"}, "headers: entry 1: " + controlRule},
		{"flat headers in one line with colons", data{"type": "webhook", "url": "https://h/p", "headers": "A: b, C: d"}, "headers: entry 1: " + oneRule},
		{"flat headers in one line with semicolons", data{"type": "webhook", "url": "https://h/p", "headers": "A: b;C: d"}, "headers: entry 1: " + oneRule},
		{"flat headers with a line break that a template left", data{"type": "webhook", "url": "https://h/p", "headers": `A: b\nC: d`}, "headers: entry 1: " + oneRule},
		{"flat headers, pairs and then a line", data{"type": "webhook", "url": "https://h/p", "headers": "A=b,C: d"}, "headers: entry 2: must be name=value"},
		{"flat headers in a JSON array", data{"type": "webhook", "url": "https://h/p", "headers": `["A"]`}, "headers: entry 1: must be name=value"},
		{"flat headers in JSON, not strings", data{"type": "webhook", "url": "https://h/p", "headers": `{"A":1,"B":""}`},
			"headers: A: the value must be a string; headers: B: " + emptyRule},
		{"api_key and auth_token", data{"type": "webhook", "url": "https://h/p", "api_key": "a", "auth_token": "b"}, "api_key: " + authRule},
		{"api_key and header", data{"type": "webhook", "url": "https://h/p", "api_key": "a", "headers": "authorization=b"}, "api_key: " + authRule},
		{"auth_token and header in a line", data{"type": "webhook", "url": "https://h/p", "auth_token": "a", "headers": "Authorization: b"}, "auth_token: " + authRule},
		{"auth_token and header in JSON", data{"type": "webhook", "url": "https://h/p", "auth_token": "a", "headers": `{"AUTHORIZATION":"b"}`}, "auth_token: " + authRule},
		{"api_key with a line break", data{"type": "webhook", "url": "https://h/p", "api_key": "a\nb"}, "api_key: " + credentialRule},
	} {
		t.Run(tt.name, func(t *testing.T) {
			checkFault(t, tt.data, targetsfile.RejectValidate, tt.want)
			checkSchema(t, tt.data, false)
		})
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
		if got := with("x", strings.Repeat("[", 59)+strings.Repeat("]", 59)).decode(); got.Fault != nil {
			t.Errorf("got %q, want it accepted", got.Fault.Message())
		}
	})
	t.Run("a message stays short", func(t *testing.T) {
		d := data{"type": "webhook", "url": "https://h/p", "headers": strings.Repeat(",", 999)}
		got := d.decode().Fault
		if n := len(got.Problems); n != 11 {
			t.Fatalf("got %d problems, want 10 and a count", n)
		}
		if got, want := got.Problems[10].String(), "headers: 990 more are broken"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
	const entries = "must hold at most 1000 entries"
	flat := func(key, value string) data {
		return data{"type": "webhook", "url": "https://h/p", key: value}
	}
	lines := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	many := func(n int) data {
		d := flat("name", "a")
		for i := range n - 3 {
			d[fmt.Sprintf("k%d", i)] = ""
		}
		return d
	}
	for _, tt := range []struct {
		name  string
		data  func(n int) data
		fault string
	}{
		{"members", func(n int) data { return data{"config": minimal[:len(minimal)-1] + lines(n-3, `,"k%d":0`) + "}"} }, "config: " + entries},
		{"headers", func(n int) data {
			return with("headers", "{"+lines(n, `"k%d":"v",`)[:len(lines(n, `"k%d":"v",`))-1]+"}")
		}, "headers: " + entries},
		{"flat headers", func(n int) data { return flat("headers", strings.TrimSuffix(lines(n, "k%d=v,"), ",")) }, "headers: " + entries},
		{"flat headers in lines", func(n int) data { return flat("headers", lines(n, "k%d: v\n")) }, "headers: " + entries},
		{"flat keys", many, entries},
	} {
		t.Run("1000 "+tt.name, func(t *testing.T) {
			if got := tt.data(1000).decode(); got.Fault != nil {
				t.Errorf("got %q, want 1000 accepted", got.Fault.Message())
			}
			checkSchema(t, tt.data(1000), true)
			checkFault(t, tt.data(1001), targetsfile.RejectValidate, tt.fault)
			checkSchema(t, tt.data(1001), false)
		})
	}
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
