package targetsfile_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// checksumOfLines computes the checksum as the sidecar's README.md has it for readers in other languages: from the raw lines of the file, with no
// parser.
func checksumOfLines(t *testing.T, file []byte) string {
	t.Helper()
	sum := sha256.New()
	within := false
	for line := range bytes.Lines(file) {
		switch line := string(line); {
		case line == "  \"targets\": [],\n":
			return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte("[]")))
		case line == "  \"targets\": [\n":
			within = true
			sum.Write([]byte("["))
		case within && line == "  ],\n":
			sum.Write([]byte("]"))
			return fmt.Sprintf("sha256:%x", sum.Sum(nil))
		case within:
			if len(line) < 6 || line[:5] != "    {" {
				t.Fatalf("got line %q, want a target behind four spaces", line)
			}
			sum.Write([]byte(line[4 : len(line)-1]))
		}
	}
	t.Fatal("got a file without the lines around the targets")
	return ""
}

// The layout is part of schema_version 1. A reader that would have to write the targets again as its JSON library does could not verify
// what Secrets hold.
func TestLayoutGivesTheChecksum(t *testing.T) {
	awkward := target("awkward")
	awkward.FilterConfig = json.RawMessage(`{"z":1.10,"a":1e3,"10":12345678901234567890,"9":-0.0,"<":"\u2028\/&<>","e":{},"l":[ ],"t":"  ],","é":"😀"}`)
	awkward.Extra = map[string]json.RawMessage{"targets": json.RawMessage(`["\n  ],\n"]`)}
	many := make([]targetsfile.Target, 2000)
	for i := range many {
		many[i] = target(fmt.Sprintf("t-%04d", i))
	}
	for _, test := range []struct {
		name    string
		targets []targetsfile.Target
	}{
		{"none", nil}, {"one", []targetsfile.Target{target("a")}}, {"two", []targetsfile.Target{target("a"), target("b")}},
		{"awkward content", []targetsfile.Target{target("a"), awkward, target("b")}}, {"2000", many},
	} {
		t.Run(test.name, func(t *testing.T) {
			doc := document(t, 1)
			for _, x := range test.targets {
				doc.Entries = append(doc.Entries, entry(t, x))
			}
			doc.Checksum = targetsfile.Checksum(doc.Entries)
			doc.Rejections = []targetsfile.Rejection{{Secret: "a/b", Reason: targetsfile.RejectParse, Message: "x", Serving: targetsfile.ServingNothing}}
			if got := checksumOfLines(t, encode(t, doc)); got != doc.Checksum {
				t.Errorf("got %s by lines, want %s", got, doc.Checksum)
			}
		})
	}
}
