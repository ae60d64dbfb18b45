package main

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the answers of the real program into docs/http.md")

// volatile is what differs between two runs, and what docs/http.md shows instead.
var volatile = []struct {
	pattern *regexp.Regexp
	shown   string
}{
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "0f8cb0c6-5f0a-4f6e-9d36-6b6f6a0f0f11"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`), "2026-01-02T10:30:45.123Z"},
	{regexp.MustCompile(`sha256:[0-9a-f]{64}`), "sha256:9f53efef…"},
	{regexp.MustCompile(`"(refresh_duration_ms|generation|bytes)":\d+`), `"$1":42`},
	// The test's rate limit is 2 s; how much of it is left depends on the machine.
	{regexp.MustCompile(`(Too Many Requests\nRetry-After: |the next is allowed in |"retry_after_seconds":)\d+`), "${1}45"},
	{regexp.MustCompile(`"path":"[^"]*"`), `"path":"/var/run/publishing-targets/targets.json"`},
	{regexp.MustCompile(`"last_event":null`), `"last_event":"2026-01-02T10:30:45.123Z"`}, // there may have been one, or none
	{regexp.MustCompile(`"last_trigger":"\w+"`), `"last_trigger":"manual"`},
}

// TestTheAnswersAreReal runs the commands of docs/http.md against the program. With -update it writes the answers there.
func TestTheAnswersAreReal(t *testing.T) {
	p := newProgram(t)
	p.manifests = t.TempDir()
	examples, err := filepath.Glob("../../deploy/examples/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, example := range examples {
		data, err := os.ReadFile(example) // #nosec G304 -- a path of this repository
		if err != nil {
			t.Fatal(err)
		}
		p.put(filepath.Base(example), string(data))
	}
	tokens := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(tokens, []byte("example-token\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.vars = map[string]string{"POD_NAME": "alert-history-0"}
	p.start("--auth", "token", "--auth-token-file", tokens, "--rate-limit", "2s")
	out, err := exec.CommandContext(t.Context(), "../../docs/api-examples.sh", p.url, filepath.Join(p.manifests, "slack.yaml"), "example-token").CombinedOutput() // #nosec G204 -- a script of this repository
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	got := strings.TrimSpace(string(out))
	for _, v := range volatile {
		got = v.pattern.ReplaceAllString(got, v.shown)
	}

	const document = "../../docs/http.md"
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- run by TestTheAnswersAreReal, written by go test ./cmd/refresh-sidecar -run Answers -update -->\n```console\n", "\n```\n<!-- end of answers -->"
	before, rest, ok := strings.Cut(string(text), begin)
	shown, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("docs/http.md has no place for the answers")
	}
	if *update {
		if err := os.WriteFile(document, []byte(before+begin+got+end+after), 0o644); err != nil { // #nosec G306 -- a document
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(strings.Split(shown, "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("docs/http.md does not show what the program answers (-shown +got); go test -run Answers -update writes it:\n%s", diff)
	}
}
