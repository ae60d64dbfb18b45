package bench

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
)

// beforePrefix marks the figures of the earlier version.
const beforePrefix = "Before"

// Compare measures another revision of the repository at root and this version in turns, as often as it is told to, in a directory that is
// empty.
func Compare(ctx context.Context, root, revision, dir string, rounds int, out io.Writer) (Results, error) {
	before, after, err := Earlier(ctx, root, revision, dir)
	if err != nil {
		return nil, err
	}
	results := Results{}
	for tree, prefix := range map[Tree]string{before: beforePrefix, after: ""} {
		lines, err := tree.lines()
		if err != nil {
			return nil, err
		}
		results[Figure{prefix + "Library", "lines"}] = []float64{float64(lines)}
	}
	for range rounds {
		for _, run := range []struct{ binary, pattern, time, prefix string }{
			{filepath.Join(before.Programs, "reader.test"), "^BenchmarkCompareLoad$", "30x", beforePrefix},
			{filepath.Join(after.Programs, "reader.test"), "^BenchmarkCompareLoad$", "30x", ""},
			{filepath.Join(before.Programs, "writer.test"), "^BenchmarkComparePublish$", "300x", beforePrefix},
			{filepath.Join(after.Programs, "writer.test"), "^BenchmarkComparePublish$", "300x", ""},
			{filepath.Join(after.Programs, "reader.test"), "^BenchmarkCompareLimits$", "30x", ""},
		} {
			if err := results.runBinary(ctx, run.binary, run.pattern, run.time, run.prefix, out); err != nil {
				return nil, err
			}
		}
	}
	edits, err := Run(ctx, root, []Suite{{Module: "test", Package: "./bench", Pattern: "^BenchmarkCompareEdits$", Time: "1x",
		Args: []string{"-before", before.Programs, "-after", after.Programs, "-rounds", fmt.Sprint(rounds)}}}, out)
	for figure, values := range edits {
		results[figure] = values
	}
	return results, err
}

// pair is one figure of both versions.
type pair struct {
	what          string
	before, after func(Results) Value
	limit         func(Results) Value // what nobody can do without; nil: nothing was measured
}

func (p pair) ratio() func(Results) Value { return Over(p.after, p.before) }

func micro(value func(Results) Value) func(Results) Value {
	return func(r Results) Value { return value(r).times(1e-3) }
}

// compared are the figures of both versions, by what they are of.
func compared() map[string]pair {
	pairs := map[string]pair{
		"lines": {"lines of code of the library, without what 1.0.0 did not have", Of(beforePrefix+"Library", "lines"), Of("Library", "lines"), nil},
		"allocations": {"reader: allocations, nothing changed but the time of the refresh, 10 000", Of(beforePrefix+"CompareLoad/heartbeat/targets=10000", "allocs/op"),
			Of("CompareLoad/heartbeat/targets=10000", "allocs/op"), nil},
		"allocations-same": {"… the same bytes", Of(beforePrefix+"CompareLoad/same/targets=10000", "allocs/op"), Of("CompareLoad/same/targets=10000", "allocs/op"), nil},
	}
	limit := func(kind string, targets int) func(Results) Value {
		return micro(Of(fmt.Sprintf("CompareLimits/%s/targets=%d", kind, targets), "ns/op"))
	}
	for _, n := range sizes {
		edits := func(name, what, unit string) {
			benchmark := fmt.Sprintf("CompareEdits/secrets=%d", n)
			pairs[fmt.Sprint(name, n)] = pair{fmt.Sprintf("%s, %d", what, n), Of(benchmark, unit+"-before"), Of(benchmark, unit+"-after"), nil}
		}
		edits("edit", "edit acknowledged → `Reader`, p50, ms", "ms-edit")
		edits("processor", "processor time of sidecar and app per edit, ms", "ms-processor")
		edits("sidecar", "anonymous memory of the sidecar, MB", "MB-sidecar")
		edits("app", "anonymous memory of an app with a Reader, MB", "MB-app")
		edits("targets", "processor time per answer of `GET targets`, ms", "ms-targets")
		edits("start", "process start → first snapshot, ms", "ms-start")
		timed := func(name, what, benchmark string, limit func(Results) Value) {
			benchmark = fmt.Sprintf("%s/targets=%d", benchmark, n)
			pairs[fmt.Sprint(name, n)] = pair{fmt.Sprintf("%s, %d, µs", what, n), micro(Of(beforePrefix+benchmark, "ns/op")), micro(Of(benchmark, "ns/op")), limit}
			pairs[fmt.Sprint(name, "-cpu", n)] = pair{"… its processor time", micro(Of(beforePrefix+benchmark, "cpu-ns/op")), micro(Of(benchmark, "cpu-ns/op")), nil}
		}
		timed("first", "reader: the first file", "CompareLoad/first", Plus(limit("read", n), limit("sha256", n)))
		timed("changed", "reader: a file in which one target changed", "CompareLoad/changed", Plus(limit("read", n), limit("sha256", n)))
		timed("heartbeat", "reader: a file in which none changed", "CompareLoad/heartbeat", Plus(limit("read", n), limit("compare", n)))
		timed("write", "sidecar: writing the file", "ComparePublish", Plus(limit("write", n), limit("sha256", n)))
	}
	return pairs
}

// CompareAims are what this version has to reach, as multiples of the earlier one.
func CompareAims() []Aim {
	pairs := compared()
	ratio := func(name string, atLeast, aim float64) Aim {
		return Aim{What: pairs[name].what, Value: pairs[name].ratio(), AtLeast: AtMost(atLeast), Aim: AtMost(aim)}
	}
	times := func(what, name string, aim float64) Aim {
		return Aim{What: what, Value: Over(pairs[name].after, pairs[name].limit), Aim: AtMost(aim)}
	}
	return []Aim{
		ratio("edit10000", 0.5, 0.33), ratio("edit1000", 0.7, 0.5), ratio("edit20", 1.05, 1),
		ratio("changed10000", 0.4, 0.25), times("… times reading and hashing it", "changed10000", 2),
		ratio("first10000", 0.8, 0.6),
		ratio("write10000", 0.8, 0.6), times("… times hashing and writing it", "write10000", 1.5),
		ratio("processor1000", 0.7, 0.5),
		ratio("sidecar20", 1.05, 0.9), ratio("sidecar10000", 1.05, 0.9), ratio("app10000", 1.05, 0.9),
		ratio("allocations", 0.5, 0.1),
		ratio("targets10000", 0.2, 0.05),
		ratio("start10000", 1, 0.8),
		ratio("lines", 1, 0.85),
	}
}

// CompareTable shows the figures of both versions, and the least that anybody needs for the same.
func CompareTable(r Results) Table {
	t := Table{Header: []string{"what", "1.0.0", "now", "now ÷ 1.0.0", "limit"}}
	pairs := compared()
	row := func(name string) {
		p := pairs[name]
		limit := "–"
		if p.limit != nil {
			limit = p.limit(r).String()
		}
		t.Rows = append(t.Rows, []string{p.what, p.before(r).String(), p.after(r).String(), p.ratio()(r).String(), limit})
	}
	for _, name := range []string{"edit", "processor", "first", "first-cpu", "changed", "changed-cpu", "heartbeat", "heartbeat-cpu", "write", "write-cpu", "sidecar", "app", "targets", "start"} {
		for _, n := range sizes {
			row(fmt.Sprint(name, n))
		}
	}
	row("allocations")
	row("allocations-same")
	row("lines")
	for _, n := range sizes {
		line := []string{fmt.Sprintf("limits, %d targets, µs: read / SHA-256 / write / compare", n), "–", "–", "–", ""}
		for i, kind := range []string{"read", "sha256", "write", "compare"} {
			if i > 0 {
				line[4] += " / "
			}
			line[4] += number(micro(Of(fmt.Sprintf("CompareLimits/%s/targets=%d", kind, n), "ns/op"))(r).Median)
		}
		t.Rows = append(t.Rows, line)
	}
	return t
}
