package secret_test

import (
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// checkSchema fails unless the schema agrees with the decoder about a Secret whose target is a JSON object in plain text.
func checkSchema(t *testing.T, d data, valid bool) {
	t.Helper()
	doc, ok := d["config"]
	if !ok || !strings.HasPrefix(strings.TrimSpace(doc), "{") {
		return
	}
	schema, err := jsonschema.NewCompiler().Compile("config.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(value); (err == nil) != valid {
		t.Errorf("schema: got error %v, want the decoder's verdict: valid=%t", err, valid)
	}
}

// What the schema lets pass, as its description says, because no schema can say it.
func TestSchemaExceptions(t *testing.T) {
	for _, tt := range []struct {
		name string
		data data
		want string
	}{
		{"a key twice", data{"config": `{"name":"a","type":"webhook","url":"https://h/p","x":1,"x":1}`}, "config.x: must not hold the same key twice in one object"},
		{"header names in two cases", with("headers", `{"A":"x","a":"x"}`), "headers: a: a header of this name is there already"},
		{"half a surrogate pair", with("url", `"https://h/\ud800"`), "url: must not hold a broken Unicode escape"},
		{"halves of surrogate pairs", with("headers", `{"A":"\udE00\ud83d","B":"\ud83d\ud83d\ude00","C":"\ud83d\\ude00","D":"\ud83d\ufffd","E":"a\\\ude00"}`),
			"headers: A: " + halfRule + "; headers: B: " + halfRule + "; headers: C: " + halfRule + "; headers: D: " + halfRule + "; headers: E: " + halfRule},
		{"too deep", with("x", strings.Repeat("[", 100)+strings.Repeat("]", 100)), "config.x: must not nest deeper than 100 levels"},
		{"too large", with("x", `"`+strings.Repeat("x", targetsfile.MaxTargetBytes)+`"`), "must be at most 256 KiB as a target"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.data.decode().Fault; got == nil || got.Message() != tt.want {
				t.Errorf("decoder: got %+v, want %q", got, tt.want)
			}
			checkSchema(t, tt.data, true)
		})
	}
}
