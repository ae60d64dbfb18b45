package report_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/alert-history/refresh-sidecar/test/report"
)

const root = "../.."

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, path)) // #nosec G304 -- a path of this repository
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func functions(t *testing.T) []report.Function {
	t.Helper()
	all, err := report.Functions(root)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Every test that a document for people names is there.
func TestNamedTestsExist(t *testing.T) {
	all, count := functions(t), 0
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md", "deploy/*.md"} {
		pages, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, page := range pages {
			text, err := os.ReadFile(page) // #nosec G304 -- a path of this repository
			if err != nil {
				t.Fatal(err)
			}
			names := report.Named(string(text))
			count += len(names)
			if _, missing := report.Find(all, names); len(missing) > 0 {
				t.Errorf("%s names tests that are not there: %v", page, missing)
			}
		}
	}
	if count < 100 {
		t.Errorf("got %d names", count)
	}
}

// Every row of the completion report has something that shows it: a test, or a target of make (which package readme looks for).
func TestEveryRowIsShown(t *testing.T) {
	rows := regexp.MustCompile(`(?m)^\| (\d+|T\d+) \|.*$`).FindAllString(read(t, "docs/COMPLETION_REPORT.md"), -1)
	items, targets := 0, 0
	for _, row := range rows {
		if strings.HasPrefix(row, "| T") {
			targets++
		} else {
			items++
		}
		if len(report.Named(row)) == 0 && !strings.Contains(row, "`make ") {
			t.Errorf("nothing shows this: %s", row)
		}
	}
	if items != 30 || targets != 11 {
		t.Errorf("got %d items and %d targets, want 30 and 11", items, targets)
	}
}

// What was asked for by number: integration tests, benchmarks, lines of the manual.
func TestThereIsEnough(t *testing.T) {
	integration, benchmarks := 0, 0
	for _, f := range functions(t) {
		switch {
		case f.Benchmark():
			benchmarks++
		case slices.Contains([]string{"test/auth", "test/deploy", "test/e2e", "test/follow", "test/openapi", "test/prometheus", "test/sidecar", "test/torture"}, f.Dir):
			integration++
		}
	}
	lines := strings.Count(read(t, "README.md"), "\n")
	t.Logf("%d integration tests, %d benchmarks, %d lines of README.md", integration, benchmarks, lines)
	if integration < 15 || benchmarks < 6 || lines < 800 {
		t.Errorf("got %d integration tests, %d benchmarks and %d lines, want 15, 6 and 800", integration, benchmarks, lines)
	}
}

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

func TestNamed(t *testing.T) {
	got := report.Named("`TestB` and `TestA/sub`, `make test`, `BenchmarkC`; `Testimony` is none, TestD is not in backticks")
	if diff := cmp.Diff([]string{"BenchmarkC", "TestA", "TestB"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Of a package only what is named runs, and what fails, is skipped or is not there does not pass.
func TestRunRunsWhatIsNamed(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example.com/few\n\ngo 1.26\n",
		"few_test.go": "package few\n\nimport \"testing\"\n\nfunc TestGood(*testing.T) {}\nfunc TestBad(t *testing.T) { t.Error(\"no\") }\n" +
			"func TestSkipped(t *testing.T) { t.Skip() }\nfunc TestUnnamed(*testing.T) { panic(1) }\nfunc BenchmarkGood(*testing.B) {}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		names []string
		want  map[string]string
	}{
		{[]string{"TestGood", "BenchmarkGood"}, map[string]string{"TestGood": "pass", "BenchmarkGood": "pass"}},
		{[]string{"TestGood", "TestBad", "TestSkipped", "TestNowhere"},
			map[string]string{"TestGood": "pass", "TestBad": "fail", "TestSkipped": "skip", "TestNowhere": "did not run"}},
	} {
		var few []report.Function
		for _, name := range c.names {
			few = append(few, report.Function{Name: name, Dir: "."})
		}
		got := make(map[string]string)
		err := report.Run(t.Context(), dir, few, func(results []report.Result) {
			for _, r := range results {
				got[r.Name] = r.Outcome
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", c.names, diff)
		}
	}
}
