package languages_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// vector is files that a reader looks at one after the other, as if each had taken the place of the one before it, and what it must do.
type vector struct {
	Name  string `json:"name"`
	About string `json:"about"`
	Steps []step `json:"steps"`
}

// step is one look at a file.
type step struct {
	File string `json:"file"`
	result
	Also string `json:"also,omitempty"` // an outcome that other readers than the Go reader may have, too
}

// result is what comes of one look; a reader prints it as a line of JSON.
type result struct {
	Outcome string `json:"outcome"`
	Reason  string `json:"reason,omitempty"`

	// What is served after the look.
	Generation uint64 `json:"generation,omitempty"`
	Targets    *int   `json:"targets,omitempty"`
	Digest     string `json:"digest,omitempty"` // over the decoded targets, see docs/readers/README.md
}

// Outcomes of a look.
const (
	accept = "accept" // the file is served from now on
	keep   = "keep"   // the file is refused, the one that was accepted before stays
	refuse = "refuse" // the file is refused, there is none to stay
)

// tooLarge is a file of the vectors that is not among the committed ones; missing is one that is nowhere.
const (
	tooLarge = "too-large.json"
	missing  = "missing.json"
)

func accepted(file string) step { return step{File: file, result: result{Outcome: accept}} }

func kept(file, reason string) step {
	return step{File: file, result: result{Outcome: keep, Reason: reason}}
}

func refused(file, reason string) step {
	return step{File: file, result: result{Outcome: refuse, Reason: reason}}
}

// or allows other readers another outcome.
func (s step) or(outcome string) step {
	s.Also = outcome
	return s
}

// base is the file with which most sequences begin.
const base = "base.json"

// vectors returns all vectors; what is served after each step is left out.
func vectors() []vector {
	alone := func(name, about string) vector {
		return vector{name, about, []step{accepted(name + ".json")}}
	}
	instead := func(name, about, reason string) vector {
		return vector{name, about, []step{accepted(base), kept(name+".json", reason)}}
	}
	after := func(name, about string, steps ...step) vector {
		return vector{name, about, append([]step{accepted(base)}, steps...)}
	}
	return []vector{
		alone("base", "Two targets, one of them disabled."),
		alone("empty", "No targets: the list stands on one line, and its checksum is that of `[]`."),
		alone("numbers", "Numbers as a Secret has them: `1.10`, `1e3`, `-0.0`, and `12345678901234567890`, which no double holds."),
		alone("escapes", "U+2028 raw and escaped, `\\/`, `<`, `\\u0000`, a surrogate pair: content that JSON libraries write in another form."),
		alone("headers", "Header values with quotes, backslashes, tabs, `<`, U+2028 and characters beyond the first 65 536."),
		alone("keys", "Keys in the order of the Secret, some of them integers, which JavaScript sorts first."),
		alone("lookalikes", "Content that looks like the lines around the targets."),
		alone("urls", "URLs as they are published: `_` in a host, an IPv6 address, an upper-case scheme, brackets and quotes in a query."),
		alone("nested", "Content that nests as deep as is published: 63 levels in the file."),
		{"many", "2 000 targets, looked at twice.", []step{accepted("many.json"), accepted("many.json")}},
		alone("last-good", "A target that is kept though its Secret is broken, and the Secret in `invalid`."),
		alone("manifests", "A snapshot of manifest files: another `source`, no `secret_uid`."),
		alone("later-release", "A file of a later release, with fields added to every object."),
		alone("largest-generation", "Generation 2^53-1."),

		after("heartbeat", "Equal generation and checksum, refreshed later.", accepted("heartbeat.json")),
		after("next", "The next generation.", accepted("next.json")),
		after("emptied", "A next generation without targets: an order, no damage.", accepted("emptied.json")),
		after("lower-generation", "A lower generation of the same epoch.", kept("lower-generation.json", "rollback")),
		after("other-content", "The same generation with another checksum.", kept("other-content.json", "rollback")),
		after("new-epoch", "A new epoch, whatever its generation; epochs have no order.",
			accepted("new-epoch.json"), accepted(base), accepted("new-epoch.json")),
		after("refused-between", "What was refused is no measure of what comes next.",
			kept("wrong-checksum.json", "checksum"), kept("lower-generation.json", "rollback"), accepted(base), accepted("next.json")),
		after("deleted", "The file is gone, and comes back.", kept(missing, "missing"), accepted("next.json")),
		{"not-yet", "There is no file at first, then half of one.",
			[]step{refused(missing, "missing"), refused("cut.json", "syntax"), accepted(base)}},

		instead("wrong-checksum", "A target was edited.", "checksum"),
		instead("edited-checksum", "The checksum was edited.", "checksum"),
		instead("reordered", "Two keys of a target changed places, as when a library writes it again.", "checksum"),
		instead("cut", "The file was cut short.", "syntax"),
		instead("blank", "Nothing but a line break.", "empty"),
		instead("zeros", "The file ends in zero bytes, as after a crash of the node.", "syntax"),
		instead("trailing", "Text after the document.", "syntax"),
		instead("twice", "The document stands there twice.", "syntax"),
		instead("latin-1", "Bytes that are not UTF-8.", "syntax"),
		instead("byte-order-mark", "A byte order mark before the document.", "syntax"),
		instead("utf-16", "The document in UTF-16.", "syntax"),
		instead("nan", "`NaN`, which some libraries take for a number; the checksum fits.", "syntax"),
		instead("schema-version-2", "A later `schema_version`; the rest is as ever.", "unsupported_version"),
		instead("schema-version-text", "A `schema_version` in quotes.", "schema"),
		instead("other-document", "JSON that is no snapshot.", "schema"),
		instead("no-epoch", "No `epoch`.", "schema"),
		instead("same-name", "Two targets of one name; the checksum fits.", "schema"),
		instead("out-of-order", "Targets that are not in the order of their names; the checksum fits.", "schema"),
		{"too-large", "64 MiB and one byte.", []step{accepted(base), kept(tooLarge, "too_large")}},

		after("field-twice", "A field stands there twice; some libraries cannot tell.", kept("field-twice.json", "schema").or(accept)),
		after("indented", "Written again with other indentation: no file of a sidecar, but the Go reader can verify it.",
			accepted("indented.json").or(keep)),
		after("carriage-returns", "Line breaks of Windows: no file of a sidecar, but the Go reader can verify it.",
			accepted("carriage-returns.json").or(keep)),
	}
}

// files returns the content of all files that the vectors name, by name.
func files(t *testing.T) map[string][]byte {
	t.Helper()
	all := map[string][]byte{
		"empty.json":              publication{generation: 3}.write(t),
		"many.json":               publication{generation: 3, configs: many(2000)}.write(t),
		"last-good.json":          publication{generation: 3, configs: pair(), lastGood: true}.write(t),
		"manifests.json":          publication{generation: 3, configs: pair(), manifests: true}.write(t),
		"largest-generation.json": publication{generation: 1<<53 - 1, configs: pair()}.write(t),

		"heartbeat.json":        publication{generation: 7, configs: pair(), minutes: 5}.write(t),
		"next.json":             publication{generation: 8, configs: many(3), minutes: 5}.write(t),
		"emptied.json":          publication{generation: 8, minutes: 5}.write(t),
		"lower-generation.json": publication{generation: 6, configs: many(1), minutes: 5}.write(t),
		"other-content.json":    publication{generation: 7, configs: many(1), minutes: 5}.write(t),
		"new-epoch.json":        publication{generation: 1, configs: many(1), minutes: 5, epoch: "7d3f6c1e-0b52-4f0e-8e6a-1f2d3c4b5a69"}.write(t),
	}
	good := publication{generation: 7, configs: pair()}.write(t)
	all[base] = good
	for name, content := range awkward() {
		all[name+".json"] = publication{generation: 3, configs: content}.write(t)
	}
	for name, content := range damaged(t, publication{generation: 8, configs: pair()}.write(t)) {
		all[name+".json"] = content
	}
	return all
}

// awkward returns, by vector, targets whose content JSON libraries write in another form than it was read in.
func awkward() map[string][]string {
	filter := func(filter string) []string {
		return []string{`{"name":"hook","type":"webhook","url":"https://hooks.example/in","filter_config":` + filter + `}`}
	}
	return map[string][]string{
		"numbers": filter(`{"a":1.10,"b":1e3,"c":-0.0,"d":12345678901234567890,"e":1E+2,"f":0.1e-7,"g":1.7976931348623157e308,"h":5e-324,"i":1e-400,"j":1.0}`),
		"escapes": filter("{\"raw\":\"\u2028\u2029\u007f\U0001f600\ufffd\",\"escaped\":\"\\u2028\\/<>&'\\u003c\\u0000\\u00e9\\ud83d\\ude00\\b\\f\",\"e\\u0301\":\"e\u0301\"}"),
		"keys":    filter(`{"z":1,"10":2,"a":3,"9":4,"":5,"-1":6,"__proto__":{"x":7},"constructor":8,"A":9}`),
		"nested":  {`{"name":"hook","type":"webhook","url":"https://hooks.example/in","deep":` + strings.Repeat("[", 59) + strings.Repeat("]", 59) + "}"},
		"headers": {`{"name":"hook","type":"webhook","url":"https://hooks.example/in?a=1&b=2","headers":{` +
			"\"X-Quote\":\"\\\"a\\\" \\\\ b\",\"X-Tab\":\"a\\tb\",\"X-Angle\":\"<&>\",\"X-Line\":\"a\u2028b\",\"X-Wide\":\"\\ud83d\\ude00 \u00fc \u65e5\",\"x-lower\":\"1\",\"X-1\":\"2\",\"Authorization\":\"Bearer abc.def-123==\"}}"},
		"lookalikes": {`{"name":"a","type":"webhook","url":"https://a.example/in","filter_config":{"t":"\n  ],\n","u":"  ],"},"targets":["\n  \"targets\": [\n"]}`,
			`{"name":"b","type":"webhook","url":"https://b.example/in","schema_version":2,"checksum":"sha256:00","generation":99}`},
		"urls": {`{"name":"a","type":"webhook","url":"https://alert_manager.example:8443/in?q[]=1&r='x'(y)*z;~"}`,
			`{"name":"b","type":"webhook","url":"http://[2001:db8::1]:9093/api/v2/alerts"}`,
			`{"name":"c","type":"webhook","url":"HTTPS://Hooks.Example./%7Bid%7D/a//b/../c?#frag"}`,
			`{"name":"d","type":"webhook","url":"http://10.0.0.1/\u00fc?\u00e9=\u65e5"}`,
			`{"name":"e","type":"slack","url":"https://hooks.slack.com/services/T00000000/B00000000/exampleexampleexample123"}`},
	}
}

// damaged returns, by vector, what can become of a good file of generation 8.
func damaged(t *testing.T, good []byte) map[string][]byte {
	t.Helper()
	change := func(old, with string) []byte {
		if !bytes.Contains(good, []byte(old)) {
			t.Fatalf("the file does not hold %s", old)
		}
		return bytes.Replace(good, []byte(old), []byte(with), 1)
	}
	lines := strings.Split(string(targetLines(good)), ",\n")
	list := func(lines ...string) []byte {
		return seal(change(string(targetLines(good)), strings.Join(lines, ",\n")))
	}
	return map[string][]byte{
		"wrong-checksum":      change("https://events.pagerduty.com", "https://events.pagerduty.org"),
		"edited-checksum":     change(`"checksum": "sha256:`, `"checksum": "sha256:0`),
		"reordered":           change(`"name":"pager","type":"pagerduty"`, `"type":"pagerduty","name":"pager"`),
		"cut":                 good[:len(good)*2/3],
		"blank":               []byte("\n"),
		"zeros":               append(bytes.Clone(good), make([]byte, 512)...),
		"trailing":            append(bytes.Clone(good), "}\n"...),
		"twice":               append(bytes.Clone(good), good...),
		"latin-1":             seal(change("\u00fc", "\xfc")),
		"byte-order-mark":     append([]byte("\ufeff"), good...),
		"utf-16":              utf16(good),
		"nan":                 seal(change(`"limit":1.50`, `"limit":NaN`)),
		"schema-version-2":    change(`"schema_version": 1`, `"schema_version": 2`),
		"schema-version-text": change(`"schema_version": 1`, `"schema_version": "1"`),
		"other-document":      []byte("{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\"}\n"),
		"no-epoch":            change(`"epoch": `, `"era": `),
		"field-twice":         change(`"generation": 8`, `"generation": 8, "generation": 9`),
		"same-name":           list(lines[0], lines[0], lines[1]),
		"out-of-order":        list(lines[1], lines[0]),
		"indented":            []byte(strings.ReplaceAll(string(good), "\n  ", "\n\t")),
		"carriage-returns":    bytes.ReplaceAll(good, []byte("\n"), []byte("\r\n")),
		"later-release":       laterRelease(good),
	}
}

// laterRelease returns a file as a later release may write it: fields are added, none is changed.
func laterRelease(file []byte) []byte {
	added := strings.NewReplacer(
		"\n  \"source\": {", "\n  \"writer\": {\"version\": \"2.0.0\", \"took_ms\": [1, 2]},\n  \"source\": {\"cluster\": \"eu-1\", ",
		`,"headers":{`, `,"priority":{"of":[1,2]},"headers":{`,
		"\n}\n", ",\n  \"trailer\": null\n}\n",
	).Replace(string(file))
	return seal([]byte(added))
}

func utf16(text []byte) []byte {
	out := []byte{0xff, 0xfe}
	for _, c := range string(text) {
		out = append(out, byte(c), byte(c>>8)) // #nosec G115 -- the file has no character beyond 65 535
	}
	return out
}

// pair returns two targets, the first of them disabled.
func pair() []string {
	return []string{
		`{"name":"pager","type":"pagerduty","url":"https://events.pagerduty.com/v2/enqueue","enabled":false,"filter_config":{"limit":1.50}}`,
		`{"name":"slack-sre","type":"slack","url":"https://hooks.slack.com/services/T00000000/B00000000/exampleexampleexample123","headers":{"X-Team":"` + "\u00fc" + `"},"owner":{"team":"sre"}}`,
	}
}

func many(count int) (configs []string) {
	for i := range count {
		configs = append(configs, fmt.Sprintf(`{"name":"hook-%04d","type":"webhook","url":"https://hooks.example/%d"}`, i, i))
	}
	return configs
}
