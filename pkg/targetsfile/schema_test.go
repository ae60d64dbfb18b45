package targetsfile_test

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// object is what this test understands of a JSON Schema.
type object struct {
	Required   []string                   `json:"required"`
	Properties map[string]json.RawMessage `json:"properties"`
}

// Fields of the file and of the schema must not drift apart. That the encoder's output is valid is tested with a schema library in the
// root module.
func TestSchemaNamesTheFieldsOfTheFile(t *testing.T) {
	text, err := os.ReadFile("schema/snapshot.schema.json")
	check(t, err)
	var schema struct {
		object
		Defs map[string]object `json:"$defs"`
	}
	check(t, json.Unmarshal(text, &schema))

	var file struct {
		Source  map[string]any
		Targets []map[string]any
		Invalid []map[string]any
	}
	var top, manifests map[string]any
	check(t, json.Unmarshal([]byte(fullText), &file), json.Unmarshal([]byte(fullText), &top))
	check(t, json.Unmarshal([]byte(emptyText[strings.Index(emptyText, `{"kind"`):strings.Index(emptyText, `},`)+1]), &manifests))

	for _, test := range []struct {
		name   string
		schema object
		values []map[string]any // between them they have all fields
	}{
		{"document", schema.object, []map[string]any{top}},
		{"source", schema.Defs["source"], []map[string]any{file.Source, manifests}},
		{"target", schema.Defs["target"], file.Targets},
		{"rejection", schema.Defs["rejection"], file.Invalid},
	} {
		t.Run(test.name, func(t *testing.T) {
			all, always := map[string]int{}, []string{}
			for _, value := range test.values {
				for field := range value {
					all[field]++
				}
			}
			for field, count := range all {
				if count == len(test.values) {
					always = append(always, field)
				}
			}
			slices.Sort(always)
			slices.Sort(test.schema.Required)
			if got, want := slices.Sorted(maps.Keys(test.schema.Properties)), slices.Sorted(maps.Keys(all)); !slices.Equal(got, want) {
				t.Errorf("got properties %v, want %v", got, want)
			}
			if !slices.Equal(test.schema.Required, always) {
				t.Errorf("got required %v, want %v", test.schema.Required, always)
			}
		})
	}
}
