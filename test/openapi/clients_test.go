package openapi_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Clients that others' generators make from the document compile, make every call, and understand every answer.
func TestGeneratedClients(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: generating clients builds their generators, without -short")
	}
	for _, generator := range []struct {
		name    string
		command []string
	}{
		{"oapi-codegen", []string{"go", "tool", "oapi-codegen", "-generate", "types,client", "-package", "api", "-o", "api/api.go", "openapi.yaml"}},
		{"ogen", []string{"go", "tool", "ogen", "-package", "api", "-target", "api", "openapi.yaml"}},
	} {
		t.Run(generator.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			copyModule(t, dir)
			program := filepath.Join(dir, generator.name)
			if err := os.MkdirAll(filepath.Join(program, "api"), 0o750); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(program, "openapi.yaml"), served(t), 0o600); err != nil {
				t.Fatal(err)
			}
			run(t, program, generator.command...)
			run(t, program, "go", "build", "-trimpath", "-o", "client", ".")
			understandsAll(t, start(t, filepath.Join(program, "client")))
		})
	}
}

// copyModule copies the module of testdata, whose programs lack the generated packages until there are any.
func copyModule(t *testing.T, dir string) {
	t.Helper()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "clients"))); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.go.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if err := os.Rename(file, strings.TrimSuffix(file, ".txt")); err != nil {
			t.Fatal(err)
		}
	}
}

// run runs a command, without the version control of a folder that is in none.
func run(t *testing.T, dir string, command ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...) // #nosec G204 -- commands of this file
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(command, " "), err, out)
	}
}

// client is a running program of testdata: it makes the calls that it reads, one after the other.
type client struct {
	calls   *json.Encoder
	results *json.Decoder
}

func start(t *testing.T, program string) client {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program) // #nosec G204 -- just built
	cmd.Stderr = t.Output()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close() // which ends the program
		_ = cmd.Wait()
	})
	return client{json.NewEncoder(stdin), json.NewDecoder(stdout)}
}

// result is what came of a call: the answer, and what the client made of it.
type result struct {
	answer
	Decoded string
	Error   string
}

// understandsAll has the client get every outcome, and compares what it decoded with what was sent.
func understandsAll(t *testing.T, c client) {
	t.Helper()
	provoke(t, loadDocument(t), func(t *testing.T, o outcome, url string) answer {
		if err := c.calls.Encode(map[string]string{
			"URL": url, "Operation": o.operation, "Wait": o.wait, "Type": o.kind, "Token": o.token,
			"Method": o.method, "Body": o.body, "Host": o.host, "Origin": o.origin, "Accept": o.accept,
		}); err != nil {
			t.Fatal(err)
		}
		var got result
		if err := c.results.Decode(&got); err != nil {
			t.Fatal(err)
		}
		if got.Error != "" {
			t.Errorf("the client did not understand %d %s: %s", got.Code, got.Body, got.Error)
		}
		if diff := cmp.Diff(parsed(got.Body), parsed(got.Decoded), cmp.Comparer(sameText)); diff != "" {
			t.Errorf("what the client decoded (-sent +decoded):\n%s", diff)
		}
		return got.answer
	})
}

// parsed returns what a text is as JSON, or the text.
func parsed(text string) any {
	var v any
	if json.Unmarshal([]byte(text), &v) != nil {
		return text
	}
	return v
}

// sameText reports whether two texts are the same, or times of the same second: ogen's own encoder leaves the rest out.
func sameText(a, b string) bool {
	at, errA := time.Parse(time.RFC3339, a)
	bt, errB := time.Parse(time.RFC3339, b)
	return a == b || errA == nil && errB == nil && at.Truncate(time.Second).Equal(bt.Truncate(time.Second))
}
