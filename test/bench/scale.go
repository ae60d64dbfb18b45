package bench

import "fmt"

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
