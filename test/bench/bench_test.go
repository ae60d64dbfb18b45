package bench

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const printed = `goos: linux
goarch: amd64
BenchmarkRefresh/targets=20-2         	       1	         1.500 ms-refresh	         1.250 x-list
BenchmarkRefresh/targets=20-2         	       1	         2.500 ms-refresh	         1.350 x-list
BenchmarkRefresh/targets=20-2         	       1	         9.500 ms-refresh	         1.300 x-list
--- BENCH: BenchmarkRefresh/targets=20-2
    refresh_bench_test.go:1: something for people
BenchmarkGetStatus-2   	60382478	        19.87 ns/op	       0 B/op	       0 allocs/op
PASS
`

func read(t *testing.T, text, prefix string) Results {
	t.Helper()
	results := Results{}
	if err := results.read(strings.NewReader(text), prefix); err != nil {
		t.Fatal(err)
	}
	return results
}

func TestResultsOfGoTest(t *testing.T) {
	r := read(t, printed, "")
	for name, c := range map[string]struct {
		value func(Results) Value
		want  Value
	}{
		"several runs":     {Of("Refresh/targets=20", "ms-refresh"), Value{Median: 2.5, Least: 1.5, Most: 9.5, Runs: 3}},
		"units as printed": {Of("GetStatus", "ns/op"), Value{Median: 19.87, Least: 19.87, Most: 19.87, Runs: 1}},
		"none":             {Of("GetStatus", "allocs/op"), Value{Runs: 1}},
		"no such unit":     {Of("GetStatus", "MB"), Value{}},
		"a difference":     {Minus(Of("Refresh/targets=20", "ms-refresh"), Of("Refresh/targets=20", "x-list")), Value{Median: 1.2, Least: 1.2, Most: 1.2, Runs: 3}},
		"a quotient":       {Over(Of("Refresh/targets=20", "ms-refresh"), Of("GetStatus", "none")), Value{}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, c.value(r)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if got := Of("OneCoreGetStatus", "ns/op")(read(t, printed, oneCore)); got.Runs != 1 {
		t.Errorf("got %v under the prefix, want a value", got)
	}
}

func TestJudge(t *testing.T) {
	r := read(t, printed, "")
	value := Of("Refresh/targets=20", "ms-refresh") // its median is 2.5
	for name, c := range map[string]struct {
		aim  Aim
		want Verdict
	}{
		"nothing is wanted":        {Aim{Value: value}, Met},
		"both met":                 {Aim{Value: value, AtLeast: Below(3), Aim: AtMost(2.5)}, Met},
		"the aim is missed":        {Aim{Value: value, AtLeast: Below(3), Aim: Below(2.5)}, AimMissed},
		"the least is missed":      {Aim{Value: value, AtLeast: Below(2), Aim: Below(1)}, Missed},
		"at least as much":         {Aim{Value: value, Aim: AtLeast(2.5)}, Met},
		"not as much":              {Aim{Value: value, Aim: AtLeast(2.6)}, AimMissed},
		"exactly":                  {Aim{Value: value, AtLeast: Exactly(2.5)}, Met},
		"not exactly":              {Aim{Value: value, AtLeast: Exactly(2)}, Missed},
		"what was not measured":    {Aim{Value: Of("Refresh/targets=21", "ms-refresh")}, Unknown},
		"what would have been met": {Aim{Value: Of("Refresh/targets=21", "ms-refresh"), AtLeast: Below(1)}, Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.aim.Judge(r); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			short := Shortfall([]Aim{c.aim}, r) != nil
			if want := c.want == Missed || c.want == Unknown; short != want {
				t.Errorf("short of the least: %v, want %v", short, want)
			}
		})
	}
}

// TestSuitesExist holds the patterns of the suites to the benchmarks that there are.
func TestSuitesExist(t *testing.T) {
	var sources strings.Builder
	for _, s := range append(ClusterSuites(), ScaleSuite(0)) {
		files, err := filepath.Glob(filepath.Join("../..", s.Module, s.Package, "*_test.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no tests in %s of %s: %v", s.Package, s.Module, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			sources.Write(text)
		}
	}
	for _, s := range append(ClusterSuites(), ScaleSuite(0)) {
		function, _, _ := strings.Cut(s.Pattern, "/")
		for _, name := range strings.Split(strings.Trim(strings.TrimPrefix(function, "^Benchmark"), "()$"), "|") {
			if !strings.Contains(sources.String(), "func Benchmark"+name+"(") {
				t.Errorf("there is no Benchmark%s in %s of %s", name, s.Package, s.Module)
			}
		}
	}
}

func TestWriteSectionLeavesTheRest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "doc.md")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("# Title\n\n<!-- torture -->\nold\n<!-- end of torture -->\nprose\n")
	for range 2 { // the second time changes nothing
		if err := WriteSection(path, "torture", "\nnew\n\n"); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff("# Title\n\n<!-- torture -->\n\nnew\n\n<!-- end of torture -->\nprose\n", string(got)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	if err := WriteSection(path, "soak", "new"); err == nil {
		t.Error("got no error for a document without the section")
	}
}
