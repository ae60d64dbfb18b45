package openapi_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alert-history/refresh-sidecar/test/internal/tool"
)

// linter is a program of npm that looks for faults in documents.
type linter struct {
	packages string
	program  string
	args     []string
	file     string // of its rules
	rules    string // those that it recommends
	nothing  string // what its report holds when it finds nothing, not even something to warn about
}

func TestDocumentUnderLinters(t *testing.T) {
	for _, l := range []linter{
		{
			packages: "@redocly/cli@2.77.0", program: "redocly", args: []string{"lint", "--format=json", "openapi.yaml"},
			file: "redocly.yaml", rules: "extends: [recommended]\n", nothing: `"problems": []`,
		},
		{
			packages: "@stoplight/spectral-cli@6.16.3", program: "spectral", args: []string{"lint", "--format=json", "--fail-severity=hint", "openapi.yaml"},
			file: ".spectral.yaml", rules: "extends: [spectral:oas]\n", nothing: "[]",
		},
	} {
		t.Run(l.program, func(t *testing.T) {
			t.Parallel()
			packages, dir := tool.NPM(t, l.packages), t.TempDir()
			for name, content := range map[string][]byte{"openapi.yaml": served(t), l.file: []byte(l.rules)} {
				if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.CommandContext(t.Context(), filepath.Join(packages, "node_modules", ".bin", l.program), l.args...) // #nosec G204 -- the programs above
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "REDOCLY_TELEMETRY=off", "REDOCLY_SUPPRESS_UPDATE_NOTICE=true")
			report, err := cmd.Output()
			if err != nil || !strings.Contains(string(report), l.nothing) {
				t.Errorf("got error %v and the report\n%s", err, report)
			}
		})
	}
}
