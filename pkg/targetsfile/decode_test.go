package targetsfile_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// refused checks that err refuses a file for a reason and tells nothing of its content.
func refused(t *testing.T, err error, want targetsfile.Reason) {
	t.Helper()
	var load *targetsfile.LoadError
	if !errors.As(err, &load) {
		t.Fatalf("got error %v, want a LoadError", err)
	}
	if load.Reason != want {
		t.Errorf("got %v, want reason %s", err, want)
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		if text := fmt.Sprintf("%v %+v %#v", e, e, e); strings.Contains(text, "CANARY") {
			t.Errorf("got %s, want no content of the file", text)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	good := string(seal(t, fullText))
	change := func(old, new string) string {
		if !strings.Contains(fullText, old) {
			t.Fatalf("the full document does not hold %s", old)
		}
		return string(seal(t, strings.Replace(fullText, old, new, 1)))
	}
	for _, test := range []struct {
		name, file string
		want       targetsfile.Reason
	}{
		{"nothing", "", targetsfile.ReasonEmpty},
		{"white space", " \n\t ", targetsfile.ReasonEmpty},
		{"NUL bytes", "\x00\x00\x00\x00", targetsfile.ReasonSyntax},
		{"a byte order mark", "\ufeff" + good, targetsfile.ReasonSyntax},
		{"text that is not UTF-8", change(`"ü"`, "\"\xff\""), targetsfile.ReasonSyntax},
		{"a field's name that is not UTF-8", strings.Replace(good, `"schema_version"`, "\"\xff\": 1, \"schema_version\"", 1), targetsfile.ReasonSyntax},
		{"a field's value that is not UTF-8", strings.Replace(good, `"schema_version"`, "\"x\": \"\xff\", \"schema_version\"", 1), targetsfile.ReasonSyntax},
		{"a field's name that is null", strings.Replace(good, `"schema_version"`, `null: 1, "schema_version"`, 1), targetsfile.ReasonSyntax},
		{"a field's name that is a number", strings.Replace(good, `"schema_version"`, `1: 1, "schema_version"`, 1), targetsfile.ReasonSyntax},
		{"something after it", good + "CANARY", targetsfile.ReasonSyntax},
		{"a bracket too many", good + "}", targetsfile.ReasonSyntax},
		{"two documents", good + good, targetsfile.ReasonSyntax},
		{"brackets that do not match", `{"targets": [}`, targetsfile.ReasonSyntax},
		{"a comma too many", strings.Replace(good, "}\n  ],", "},\n  ],", 1), targetsfile.ReasonSyntax},
		{"nesting without end", `{"a":` + strings.Repeat("[", 100_000), targetsfile.ReasonSyntax},
		{"nesting without end in targets", `{"targets":` + strings.Repeat("[", 100_000), targetsfile.ReasonSyntax},
		{"deep nesting in a target", `{"targets":[` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_001) + "}", targetsfile.ReasonSyntax},
		{"no colon before targets", strings.Replace(good, `"targets":`, `"targets"`, 1), targetsfile.ReasonSyntax},
		{"no comma between targets", strings.Replace(good, "},\n    {", "}\n    {", 1), targetsfile.ReasonSyntax},
		{"no comma after targets", strings.Replace(good, "],\n  \"invalid\"", "]\n  \"invalid\"", 1), targetsfile.ReasonSyntax},
		{"a colon after targets", strings.Replace(good, "],\n  \"invalid\"", "]:\n  \"invalid\"", 1), targetsfile.ReasonSyntax},
		{"a comma before all targets", strings.Replace(good, `"targets": [`, `"targets": [,`, 1), targetsfile.ReasonSyntax},
		{"a comma instead of targets", `{"targets": [,]}`, targetsfile.ReasonSyntax},
		{"targets that end like an object", strings.Replace(good, "\n  ],", "\n  },", 1), targetsfile.ReasonSyntax},
		{"a target that ends like a list", `{"targets": [{"name":"a"]]}`, targetsfile.ReasonSyntax},
		{"a target's string without an end", `{"targets": [{"name":"a\"}]}`, targetsfile.ReasonSyntax},
		{"white space in a number", strings.Replace(good, `"filter_config":{`, `"filter_config":{"a":1 2,`, 1), targetsfile.ReasonSyntax},
		{"white space in a word", strings.Replace(good, `"enabled":true`, `"enabled":tr ue`, 1), targetsfile.ReasonSyntax},
		{"white space that JSON does not know", strings.Replace(good, `"targets": [`, "\"targets\": [\u00a0", 1), targetsfile.ReasonSyntax},
		{"null", "null", targetsfile.ReasonSchema},
		{"a list", "[]", targetsfile.ReasonSchema},
		{"a string", `"CANARY"`, targetsfile.ReasonSchema},
		{"an empty object", "{}", targetsfile.ReasonSchema},
		{"another document", `{"apiVersion": "v1", "kind": "CANARY"}`, targetsfile.ReasonSchema},
		{"no schema version", change(`"schema_version": 1`, `"x": 1`), targetsfile.ReasonSchema},
		{"schema version 0", change(`"schema_version": 1`, `"schema_version": 0`), targetsfile.ReasonSchema},
		{"a schema version in quotes", change(`"schema_version": 1`, `"schema_version": "1"`), targetsfile.ReasonSchema},
		{"a later schema version", change(`"schema_version": 1`, `"schema_version": 2`), targetsfile.ReasonUnsupported},
		{
			"a later schema version with other types", `{"epoch": ["CANARY"], "schema_version": 2, "targets": {}}`,
			targetsfile.ReasonUnsupported,
		},
		{"a later schema version cut short", `{"schema_version": 2, "targets": [`, targetsfile.ReasonSyntax},
		{"no epoch", change(`"epoch"`, `"x"`), targetsfile.ReasonSchema},
		{"an epoch that is a number", change(`"epoch": "0f8c9a52-3c1d-4a57-9b58-6d6f3f0c2a11"`, `"epoch": 5`), targetsfile.ReasonSchema},
		{"no generation", change(`"generation"`, `"x"`), targetsfile.ReasonSchema},
		{"a negative generation", change(`"generation": 42`, `"generation": -42`), targetsfile.ReasonSchema},
		{"no targets", strings.Replace(good, `"targets":`, `"x":`, 1), targetsfile.ReasonSchema},
		{"targets null", `{"targets": null}`, targetsfile.ReasonSchema},
		{"targets that are an object", `{"targets": {"CANARY": 1}}`, targetsfile.ReasonSchema},
		{"targets that are a string", `{"targets": "CANARY"}`, targetsfile.ReasonSchema},
		{"a target that is null", change(`"targets": [`, `"targets": [null,`), targetsfile.ReasonSchema},
		{"a target that is a string", change(`"targets": [`, `"targets": ["CANARY",`), targetsfile.ReasonSchema},
		{"a target that is a list", change(`"targets": [`, `"targets": [["CANARY"],`), targetsfile.ReasonSchema},
		{"a target without a name", change(`"name":"pager"`, `"x":1`), targetsfile.ReasonSchema},
		{"a duplicate", change(`"name":"pager"`, `"name":"slack-prod"`), targetsfile.ReasonSchema},
		{"targets out of order", change(`"name":"pager"`, `"name":"z"`), targetsfile.ReasonSchema},
		{"headers that are a list", change(`"headers":{}`, `"headers":["CANARY"]`), targetsfile.ReasonSchema},
		{"a header that is a number", change(`"X-B":"2"`, `"CANARY":2`), targetsfile.ReasonSchema},
		{"a URL that is an object", change(`"url":"https://hooks`, `"url":{"CANARY":1},"x":"`), targetsfile.ReasonSchema},
		{"a time that is none", change(`"2026-01-02T10:30:45.123Z"`, `"CANARY"`), targetsfile.ReasonSchema},
		{"a time before all times", change(`"2026-01-02T10:30:45.123Z"`, `"0000-01-01T00:00:00+23:59"`), targetsfile.ReasonSchema},
		{"a stale_since that is none", change(`"2026-01-02T10:00:00.123Z"`, `"CANARY"`), targetsfile.ReasonSchema},
		{"a source that is a string", change(`"source": {`, `"source": "CANARY", "x": {`), targetsfile.ReasonSchema},
		{"invalid that is an object", `{"invalid": {"CANARY": 1}}`, targetsfile.ReasonSchema},
		{"a field twice", change(`"generation": 42`, `"generation": 42, "generation": 43`), targetsfile.ReasonSchema},
		{"targets twice", change(`"targets": [`, `"targets": [], "targets": [`), targetsfile.ReasonSchema},
		{"no checksum", change(`"checksum"`, `"x"`), targetsfile.ReasonChecksum},
		{"an edited target", strings.Replace(good, "/services/T0", "/services/CANARY", 1), targetsfile.ReasonChecksum},
		{"an edited checksum", strings.Replace(good, `"sha256:`, `"sha256:0`, 1), targetsfile.ReasonChecksum},
	} {
		t.Run(test.name, func(t *testing.T) {
			doc, err := targetsfile.Decode([]byte(test.file))
			if doc != nil {
				t.Errorf("got a document, want none")
			}
			refused(t, err, test.want)
		})
	}
}

// A field is named, and neither its place in a list nor a key of the file.
func TestDecodeNamesTheField(t *testing.T) {
	for _, test := range []struct{ old, new, want string }{
		{`"X-B":"2"`, `"CANARY":2`, "target 1: field headers has"},
		{`{"secret":"alert-history/broken"`, `{"secret":5`, "invalid: field secret has"},
	} {
		_, err := targetsfile.Decode([]byte(strings.Replace(fullText, test.old, test.new, 1)))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", test.new, err, test.want)
		}
	}
}

// The byte that an error tells of is one of the file, behind the targets as well as before them.
func TestDecodeTellsWhere(t *testing.T) {
	file := string(seal(t, fullText))
	for _, fault := range []struct{ after, text string }{
		{`"generation": `, "CANARY"}, {`"targets": [`, "CANARY"}, {`"invalid": [`, "CANARY"}, {`"serving":"last_good"`, "CANARY"},
	} {
		at := strings.LastIndex(file, fault.after) + len(fault.after)
		_, err := targetsfile.Decode([]byte(file[:at] + fault.text + file[at:]))
		refused(t, err, targetsfile.ReasonSyntax)
		var told int
		if _, err := fmt.Sscanf(err.Error()[strings.LastIndex(err.Error(), "byte"):], "byte %d", &told); err != nil || told > at || told < at-300 {
			t.Errorf("a fault at byte %d: got %v", at, err)
		}
	}
}

// However many goroutines decode a list, the fault that is told of is the first.
func TestDecodeTellsOfTheFirstBrokenTarget(t *testing.T) {
	for _, size := range []int{5, 500, 5000} {
		list := make([]string, size)
		for i := range list {
			list[i] = nth(i)
		}
		file := string(encode(t, document(t, 1, list...)))
		for _, broken := range []int{size - 1, size - 2, size / 2, 1} {
			file = strings.Replace(file, fmt.Sprintf(`"name":"%s"`, nth(broken)), `"name":["CANARY"]`, 1)
			_, err := targetsfile.Decode([]byte(file))
			refused(t, err, targetsfile.ReasonSchema)
			if want := fmt.Sprintf("target %d: field name has", broken); !strings.Contains(err.Error(), want) {
				t.Errorf("of %d: got %v, want %s", size, err, want)
			}
		}
	}
}

func TestDecodeRefusesWhatIsTooLarge(t *testing.T) {
	_, err := targetsfile.Decode(make([]byte, targetsfile.MaxBytes+1))
	refused(t, err, targetsfile.ReasonTooLarge)
}

func TestDecodeRefusesEveryTruncation(t *testing.T) {
	file := seal(t, fullText)
	whole := len(bytes.TrimSpace(file)) // the last line break is no part of the document
	for n := range whole {
		doc, err := targetsfile.Decode(file[:n])
		want := targetsfile.ReasonSyntax
		if n == 0 {
			want = targetsfile.ReasonEmpty
		}
		if doc != nil {
			t.Errorf("cut at byte %d: got a document, want none", n)
		}
		refused(t, err, want)
	}
	if _, err := targetsfile.Decode(file[:whole]); err != nil {
		t.Errorf("without the last line break: got %v, want no error", err)
	}
}

func TestDecodeAccepts(t *testing.T) {
	for _, test := range []struct {
		name, old, new string
	}{
		{"a new field of the document", `"generation"`, `"color": {"a": [1, {"b": "\" ]"}]}, "generation"`},
		{"a new field of a target", `"name":"pager"`, `"color":{"a":[1,"\\\" x"]},"name":"pager"`},
		{"a new field of the source", `"kind"`, `"color":1,"kind"`},
		{"a new field of a rejection", `"reason"`, `"color":1,"reason"`},
		{"a new field twice", `"generation"`, `"color": 1, "color": 2, "generation"`},
		{"a field in another case beside the real one", `"generation"`, `"Generation": "x", "generation"`},
		{"escapes and white space in strings", `"X-B":"2"`, `"X-B":" \" \\ \n \u0020 "`},
		{"times in another zone", `"2026-01-02T10:35:45.000Z"`, `"2026-01-02T11:35:45+01:00"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if !strings.Contains(fullText, test.old) {
				t.Fatalf("the full document does not hold %s", test.old)
			}
			doc, err := targetsfile.Decode(seal(t, strings.Replace(fullText, test.old, test.new, 1)))
			if err != nil {
				t.Fatalf("got %v, want no error", err)
			}
			if got := len(doc.Entries); got != 2 || doc.Generation != 42 {
				t.Errorf("got %d targets in generation %d, want the full document", got, doc.Generation)
			}
			if got := doc.RefreshedAt.String(); got != "2026-01-02 10:35:45 +0000 UTC" {
				t.Errorf("got refreshed at %s, want it in UTC", got)
			}
		})
	}
}

// An editor or jq may lay the file out anew: the checksum is over the compact bytes.
func TestDecodeIgnoresLayout(t *testing.T) {
	file := seal(t, fullText)
	for name, layout := range layouts(t, file) {
		got, err := targetsfile.Decode(layout)
		if err != nil {
			t.Errorf("%s: got %v, want no error", name, err)
			continue
		}
		if again := encode(t, got); !bytes.Equal(again, file) {
			t.Errorf("%s: encoded again: got %s, want %s", name, again, file)
		}
	}
}
