// Package vulncheck_test holds `make vulncheck` to what it promises: it passes if nothing is found, or if nobody could look, and says which.
package vulncheck_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alert-history/refresh-sidecar/test/internal/loopback"
)

// entry is a vulnerability of a function of the standard library, in every version.
const entry = `{"schema_version":"1.3.1","id":"GO-2020-0001","modified":"2020-01-01T00:00:00Z","published":"2020-01-01T00:00:00Z",
"affected":[{"package":{"name":"stdlib","ecosystem":"Go"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"}]}],
"ecosystem_specific":{"imports":[{"path":"strings","symbols":["%s"]}]}}],"database_specific":{"url":"https://pkg.go.dev/vuln/GO-2020-0001"}}`

// database is one in a directory, with a vulnerability in one function.
func database(t *testing.T, function string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "index", "db.json"), `{"modified":"2020-01-01T00:00:00Z"}`)
	write(t, filepath.Join(dir, "index", "modules.json"), `[{"path":"stdlib","vulns":[{"id":"GO-2020-0001","modified":"2020-01-01T00:00:00Z"}]}]`)
	write(t, filepath.Join(dir, "ID", "GO-2020-0001.json"), fmt.Sprintf(entry, function))
	return "file://" + dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestVulncheck(t *testing.T) {
	script, err := filepath.Abs("../vulncheck.sh")
	if err != nil {
		t.Fatal(err)
	}
	built := exec.CommandContext(t.Context(), "go", "tool", "-n", "govulncheck")
	built.Dir = "../../tools"
	path, err := built.Output()
	if err != nil {
		t.Fatalf("building govulncheck: %v", err)
	}
	refusing := httptest.NewServer(http.NotFoundHandler())
	defer refusing.Close()
	const public = "https://vuln.go.dev" // of another one govulncheck does not tell why it cannot read it
	cases := map[string]struct {
		database string
		proxy    string // on the way to the database; empty: none
		broken   bool   // the module does not compile
		code     int
		says     string
	}{
		"nothing found":           {database: database(t, "Unused"), says: "No vulnerabilities found"},
		"found":                   {database: database(t, "ToUpper"), code: 3, says: "GO-2020-0001"},
		"cannot be reached":       {database: public, proxy: "http://" + loopback.Address(t), says: "SKIPPED"},
		"refused on the way":      {database: public, proxy: refusing.URL, code: 1, says: "Not Found"},
		"no database":             {database: refusing.URL, code: 1, says: "unrecognized vulndb format"},
		"unknown scheme":          {database: "gopher://example.com", code: 1, says: "gopher"},
		"no module that compiles": {database: database(t, "Unused"), broken: true, code: 1, says: "undefined"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			module := t.TempDir()
			write(t, filepath.Join(module, "go.mod"), "module example.com/m\n\ngo 1.26\n")
			main := "package main\n\nimport \"strings\"\n\nfunc main() { println(strings.ToUpper(\"a\")) }\n"
			if c.broken {
				main = strings.ReplaceAll(main, "println", "undefined")
			}
			write(t, filepath.Join(module, "main.go"), main)
			cmd := exec.CommandContext(t.Context(), script, strings.TrimSpace(string(path)), "-db", c.database) // #nosec G204 -- our own script
			cmd.Dir, cmd.Env = module, append(os.Environ(), "HTTPS_PROXY="+c.proxy, "https_proxy="+c.proxy, "NO_PROXY=", "no_proxy=", "GOFLAGS=-mod=mod", "GOPROXY=off")
			out, _ := cmd.CombinedOutput()
			if code := cmd.ProcessState.ExitCode(); code != c.code || !strings.Contains(string(out), c.says) {
				t.Errorf("got code %d, want %d, and %q in:\n%s", code, c.code, c.says, out)
			}
			if skipped := strings.Contains(string(out), "SKIPPED"); skipped != (c.says == "SKIPPED") {
				t.Errorf("got skipped %t:\n%s", skipped, out)
			}
		})
	}
}
