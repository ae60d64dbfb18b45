package languages_test

import (
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/alert-history/refresh-sidecar/test/internal/tool"
)

// stripsTypes reports whether Node runs TypeScript without a flag and without a warning.
func stripsTypes(t *testing.T, node string) bool {
	t.Helper()
	version := regexp.MustCompile(`^v(\d+)\.(\d+)`).FindStringSubmatch(output(t, ".", node, "--version"))
	major, _ := strconv.Atoi(version[1])
	minor, _ := strconv.Atoi(version[2])
	return major > 24 || major == 24 && minor >= 12 || major == 22 && minor >= 18
}

// transpile checks the types of a TypeScript file as strictly as can be, and writes its JavaScript, and that of what it imports, to dir.
func transpile(t *testing.T, file, dir string) {
	t.Helper()
	packages := tool.NPM(t, "typescript@7.0.2", "@types/node@22.20.5")
	config := toJSON(t, map[string]any{
		"files": []string{file},
		"compilerOptions": map[string]any{
			"strict": true, "noUncheckedIndexedAccess": true, "erasableSyntaxOnly": true,
			"target": "es2022", "module": "es2022", "moduleResolution": "bundler",
			"types": []string{"node"}, "typeRoots": []string{filepath.Join(packages, "node_modules", "@types")},
			"rootDir": filepath.Dir(file), "outDir": dir,
		},
	})
	writeAll(t, dir, map[string][]byte{"tsconfig.json": config, "package.json": []byte(`{"type": "module"}`)})
	output(t, dir, filepath.Join(packages, "node_modules", ".bin", "tsc"), "-p", "tsconfig.json")
}
