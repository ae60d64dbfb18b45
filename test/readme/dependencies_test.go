package readme_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// docs/decisions/0008 has each direct requirement, and none that is no more.
func TestEveryDependencyIsExplained(t *testing.T) {
	var want []string
	for _, module := range []string{"go.mod", "pkg/targetsfile/go.mod", "pkg/targetsfile/prom/go.mod", "test/go.mod"} {
		for line := range strings.Lines(read(t, module)) {
			fields := strings.Fields(strings.TrimPrefix(line, "require "))
			if len(fields) == 2 && strings.HasPrefix(fields[1], "v") && !strings.HasPrefix(fields[0], "github.com/alert-history/") {
				want = append(want, fields[0])
			}
		}
	}
	var got []string
	for line := range strings.Lines(read(t, "docs/decisions/0008-dependencies.md")) {
		if strings.HasPrefix(line, "| `") {
			for _, match := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(strings.Split(line, " | ")[0], -1) {
				got = append(got, match[1])
			}
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(slices.Compact(want), slices.Compact(got)); diff != "" {
		t.Errorf("the lists (-go.mod +0008):\n%s", diff)
	}
}
