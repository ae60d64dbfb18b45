package targetsfile_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// layouts returns the same JSON in other white space.
func layouts(t testing.TB, file []byte) map[string][]byte {
	t.Helper()
	var compact, indented bytes.Buffer
	check(t, json.Compact(&compact, file), json.Indent(&indented, file, "\r", "\t"))
	return map[string][]byte{"compact": compact.Bytes(), "indented": indented.Bytes()}
}

// FuzzDecode holds Decode to four properties: what it refuses it refuses with a LoadError; what it accepts is JSON; it has the checksum
// that an independent computation gives; and it is encoded to a file which decodes to itself. Where the input has the word CHECKSUM, the
// right one takes its place, or no mutation of a target would get past the checksum.
func FuzzDecode(f *testing.F) {
	for _, text := range []string{"", "{}", emptyText, fullText, string(encode(f, document(f, 1, "a", "b")))} {
		f.Add(text)
	}
	for _, layout := range layouts(f, []byte(fullText)) {
		f.Add(string(layout))
	}
	f.Fuzz(func(t *testing.T, text string) {
		var fields map[string]json.RawMessage
		if json.Unmarshal([]byte(text), &fields) == nil && fields["targets"] != nil {
			text = string(seal(t, text))
		}
		doc, err := targetsfile.Decode([]byte(text))
		if err != nil {
			var load *targetsfile.LoadError
			if !errors.As(err, &load) || doc != nil {
				t.Fatalf("got %v and error %#v, want a LoadError alone", doc, err)
			}
			return
		}
		if !json.Valid([]byte(text)) {
			t.Fatal("got a document from what is not JSON")
		}
		if want := oracleChecksum(t, []byte(text)); doc.Checksum != want {
			t.Fatalf("got checksum %s, want %s", doc.Checksum, want)
		}
		first := encode(t, doc)
		again, err := targetsfile.Decode(first)
		if err != nil {
			t.Fatalf("got %v for %s, want no error", err, first)
		}
		if second := encode(t, again); !bytes.Equal(second, first) {
			t.Fatalf("got %s, want %s", second, first)
		}
	})
}
