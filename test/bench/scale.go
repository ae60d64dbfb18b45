package bench

import (
	"context"
	"fmt"
	"io"
)

// ScaleSuite is the benchmark behind [ScaleTable], with that many sidecars at once; 0: the benchmark's own number.
func ScaleSuite(sidecars int) Suite {
	s := Suite{Module: "test", Package: "./scale", Pattern: "^BenchmarkScale$", Time: "1x"}
	if sidecars > 0 {
		s.Args = []string{"-sidecars", fmt.Sprint(sidecars)}
	}
	return s
}

// ScaleTable shows many sidecars that follow changes beside as many that only poll.
func ScaleTable(r Results) Table {
	t := Table{Header: []string{"", "following changes", "polling"}}
	for _, row := range []struct{ what, unit string }{
		{"sidecars", "sidecars"},
		{"Secrets", "secrets"},
		{"from the first start until all have published, s", "s-to-publish"},
		{"**without any sidecar**: API server, cores", "cores-api-alone"},
		{"… its RSS, MB", "MB-api-alone"},
		{"**at rest**: requests/s", "requests/s"},
		{"… LIST requests/s (a page each)", "LISTs/s"},
		{"… API server, cores", "cores-api"},
		{"… its RSS, MB", "MB-api"},
		{"… etcd, cores", "cores-etcd"},
		{"… all sidecars, cores", "cores-sidecars"},
		{"… one sidecar, anonymous memory, MB", "MB-sidecar"},
		{"**a change** → file, p50, ms", "ms-change-p50"},
		{"… p99, ms", "ms-change-p99"},
		{"… the last of all, ms", "ms-change-most"},
		{"**API server away for 10 s**: requests in its first 30 s", "requests-30s"},
		{"… LISTs among them", "LISTs-30s"},
		{"… WATCHes among them", "WATCHes-30s"},
		{"… most in one second", "requests/s-peak"},
		{"… answered with an error (it does not count 403)", "errors-30s"},
		{"… API server, cores", "cores-api-30s"},
		{"… a change once it is ready → file, p50, ms", "ms-return-p50"},
		{"… p99, ms", "ms-return-p99"},
		{"… the last of all, ms", "ms-return-most"},
	} {
		t.Rows = append(t.Rows, []string{row.what, Of("Scale/watch", row.unit)(r).String(), Of("Scale/polling", row.unit)(r).String()})
	}
	return t
}

// CompareScale measures a change's way to the files of as many sidecars of another revision, and of this version, in turns.
func CompareScale(ctx context.Context, root, revision, dir string, sidecars int, out io.Writer) (Results, error) {
	before, after, err := Earlier(ctx, root, revision, dir)
	if err != nil {
		return nil, err
	}
	s := Suite{Module: "test", Package: "./scale", Pattern: "^BenchmarkCompareScale$", Time: "1x", Args: []string{"-before", before.Programs, "-after", after.Programs}}
	if sidecars > 0 {
		s.Args = append(s.Args, "-sidecars", fmt.Sprint(sidecars))
	}
	return Run(ctx, root, []Suite{s}, out)
}

// CompareScaleTable shows many sidecars of an earlier version beside as many of this one.
func CompareScaleTable(r Results) Table {
	t := Table{Header: []string{"", "1.0.0", "now", "now ÷ 1.0.0"}}
	for _, row := range []struct{ what, unit string }{
		{"sidecars", "sidecars"},
		{"Secrets", "secrets"},
		{"from the first start until all have published, s", "s-to-publish"},
		{"one sidecar, anonymous memory, MB", "MB-sidecar"},
		{"**a change** → file, p50, ms", "ms-change-p50"},
		{"… p99, ms", "ms-change-p99"},
		{"… the last of all, ms", "ms-change-most"},
		{"… processor time of all sidecars, ms", "ms-processor"},
	} {
		before, after := Of("CompareScale/before", row.unit), Of("CompareScale/after", row.unit)
		t.Rows = append(t.Rows, []string{row.what, before(r).String(), after(r).String(), Over(after, before)(r).String()})
	}
	return t
}
