package secret_test

import (
	"strings"
	"sync"
	"testing"

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
