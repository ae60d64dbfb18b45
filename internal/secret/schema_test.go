package secret_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"unicode"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

var schema = sync.OnceValues(func() (*jsonschema.Schema, error) {
	return jsonschema.NewCompiler().Compile("config.schema.json")
})

// checkSchema fails unless the schema accepts, or refuses, the key config of a Secret whose target is a JSON object in plain text.
func checkSchema(t *testing.T, d data, valid bool) {
	t.Helper()
	doc, ok := d["config"]
	if !ok || !strings.HasPrefix(strings.TrimSpace(doc), "{") {
		return
	}
	s, err := schema()
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(value); (err == nil) != valid {
		t.Errorf("schema: got error %v, want valid=%t", err, valid)
	}
}

// The decoder asks Unicode's tables what does not show, and the schema has a list. They agree on both sides of each of its borders.
func TestSchemaKnowsWhatDoesNotShow(t *testing.T) {
	hidden := func(c rune) bool {
		return unicode.IsSpace(c) || unicode.In(c, unicode.Cc, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
	}
	borders := 0
	check := func(c rune) {
		if c < ' ' || 0xd800 <= c && c < 0xe000 { // JSON has no such
			return
		}
		d := with("url", fmt.Sprintf(`"https://h/%c/p"`, c))
		valid := d.decode().Fault == nil
		if c > unicode.MaxASCII && valid == hidden(c) {
			t.Errorf("%U: got valid=%t", c, valid)
		}
		checkSchema(t, d, valid)
	}
	for c := rune(0x80); c <= unicode.MaxRune; c++ {
		if hidden(c) != hidden(c-1) {
			borders++
			check(c - 1)
			check(c)
		}
	}
	if borders < 40 {
		t.Errorf("got %d borders, want those of all tables", borders)
	}
	for c := ' '; c < 0x80; c++ {
		if c != '"' && c != '\\' && c != '%' {
			check(c)
		}
	}
}
