package bench

import (
	"fmt"
	"runtime"
)

// sizes are the numbers of targets at which things are measured.
var sizes = []int{20, 1_000, 10_000}

const oneCore = "OneCore"

// ClusterSuites are the benchmarks behind [ClusterAims] and [Growth], most of them on a real API server.
func ClusterSuites() []Suite {
	return []Suite{
		{Module: "test", Package: "./bench", Pattern: "^Benchmark(Refresh|APICost)$", Time: "1x"},
		{Module: "test", Package: "./sidecar", Pattern: "^BenchmarkFootprint$/^20$", Time: "1x", Count: 5},
		{Module: "test", Package: "./sidecar", Pattern: "^BenchmarkFootprint$/^10*$", Time: "1x"},
		{Module: "test", Package: "./sidecar", Pattern: "^Benchmark(HTTPStatus|HTTPRefresh)$", Time: "1x", Count: 3},
		{Module: "test", Package: "./follow", Pattern: "^BenchmarkChange$", Time: "1x"},
		{Module: "test", Package: "./follow", Pattern: "^BenchmarkPublicationOfAChange$", Time: "20x"},
		{Module: ".", Package: "./internal/sync", Pattern: "^BenchmarkGetStatus$", Time: "300ms", Count: 3},
		{Module: "pkg/targetsfile", Package: ".", Pattern: "^Benchmark(ReaderGet|GetWhileTheFileChanges|Reload|ReloadOfAChange)$", Time: "500ms", Count: 3},
		{Module: "pkg/targetsfile", Package: ".", Pattern: "^BenchmarkReaderGet$", Time: "500ms", Count: 3, Cores: 1, Prefix: oneCore},
	}
}

// ClusterAims are what the sidecar and its reader have to reach.
func ClusterAims() []Aim {
	sized := func(benchmark string, targets int) string { return fmt.Sprintf("%s/targets=%d", benchmark, targets) }
	change := func(secrets int, unit string) func(Results) Value {
		return Of(fmt.Sprintf("Change/secrets=%d", secrets), unit)
	}
	get := Of("ReaderGet/targets=10000", "ns/op")
	refresh := func(targets int, atLeast Bound) Aim {
		return Aim{What: fmt.Sprintf("refresh of %d targets, ms", targets), Value: Of(sized("Refresh", targets), "ms-refresh"),
			Bare: Of(sized("Refresh", targets), "ms-list"), AtLeast: atLeast}
	}
	ratio := func(targets int) Aim {
		return Aim{What: fmt.Sprintf("… of %d, times a bare LIST", targets), Value: Of(sized("Refresh", targets), "x-list"), Aim: AtMost(1.25)}
	}
	return []Aim{
		refresh(20, Below(3000)), ratio(20), refresh(10_000, Bound{}), ratio(10_000),
		{What: "`POST refresh`, p99, ms", Value: Of("HTTPRefresh", "ms-p99"), AtLeast: Below(50)},
		{What: "… p50, ms", Value: Of("HTTPRefresh", "ms-p50"), Aim: Below(2)},
		{What: "`GET status` at 1 000 requests/s, p99, ms", Value: Of("HTTPStatus", "ms-p99"), AtLeast: Below(5), Aim: Below(1)},
		{What: "`GetStatus()`, allocations", Value: Of("GetStatus", "allocs/op"), AtLeast: Exactly(0)},
		{What: "… ns", Value: Of("GetStatus", "ns/op"), Aim: Below(30)},
		{What: "change acknowledged → file, 20 targets, p50, ms", Value: change(20, "ms-file-p50"), Bare: change(20, "ms-bare-p50"), Aim: Below(1)},
		{What: "… p99, ms", Value: change(20, "ms-file-p99"), Bare: change(20, "ms-bare-p99"), AtLeast: Below(5000)},
		{What: "… 10 000 targets, p50, ms", Value: change(10_000, "ms-file-p50"), Bare: change(10_000, "ms-bare-p50"), Aim: Below(30)},
		{What: "… p99, ms", Value: change(10_000, "ms-file-p99"), Bare: change(10_000, "ms-bare-p99"), AtLeast: Below(5000)},
		{What: "file → reader, 20 targets, p50, ms", Value: Minus(change(20, "ms-reader-p50"), change(20, "ms-file-p50")), Aim: Below(1)},
		{What: "… 10 000 targets, p50, ms", Value: Minus(change(10_000, "ms-reader-p50"), change(10_000, "ms-file-p50")), Aim: Below(50)},
		{What: "change acknowledged → reader, 20 targets, p99, ms", Value: change(20, "ms-reader-p99"), AtLeast: Below(5000)},
		{What: "… 10 000 targets, p99, ms", Value: change(10_000, "ms-reader-p99"), AtLeast: Below(5000)},
		{What: "`Reader.Get`, allocations", Value: Of("ReaderGet/targets=10000", "allocs/op"), Aim: Exactly(0)},
		{What: "… ns", Value: get, Aim: Below(50)},
		{What: fmt.Sprintf("… throughput on %d cores, times that on one", runtime.NumCPU()), Value: Over(Of(oneCore+"ReaderGet/targets=10000", "ns/op"), get), Aim: AtLeast(0.8 * float64(runtime.NumCPU()))},
		{What: "… while the file is replaced every 100 ms, ns", Value: Of("GetWhileTheFileChanges/reader", "ns/op"), Aim: Below(50)},
		{What: "process start → first snapshot, 20 targets, ms", Value: Of("Footprint/20", "ms-to-snapshot"), AtLeast: Below(5000), Aim: Below(150)},
		{What: "anonymous memory, 20 targets, MB", Value: Of("Footprint/20", "MB-anonymous"), AtLeast: Below(5)},
		{What: "… 10 000 targets, MB", Value: Of("Footprint/10000", "MB-anonymous"), Aim: AtMost(25)},
		{What: "peak of its cgroup, 20 targets, MiB", Value: Of("Footprint/20", "MiB-peak"), Aim: AtMost(24)},
		{What: "LISTs per interval and namespace", Value: Of("APICost", "LISTs/interval"), AtLeast: Exactly(1)},
		{What: "watches open per namespace", Value: Of("APICost", "watches"), AtLeast: Exactly(1)},
		{What: "LISTs that 20 changes cost", Value: Of("APICost", "LISTs-for-changes"), Aim: Exactly(0)},
		{What: "events that one change costs", Value: Of("APICost", "events/change"), Aim: Exactly(1)},
		{What: "binary, MB", Value: Of("Footprint/20", "MB-binary"), AtLeast: AtMost(24), Aim: AtMost(22)},
	}
}

// Cost is one figure at each of the numbers of targets.
type Cost struct {
	What  string
	Value func(targets int) func(Results) Value
}

// Growth is how costs grow with the number of targets.
func Growth() []Cost {
	of := func(pattern, unit string) func(int) func(Results) Value {
		return func(targets int) func(Results) Value { return Of(fmt.Sprintf(pattern, targets), unit) }
	}
	micro := func(value func(int) func(Results) Value) func(int) func(Results) Value {
		return func(targets int) func(Results) Value {
			return func(r Results) Value { return value(targets)(r).times(1e-3) }
		}
	}
	return []Cost{
		{"LIST, decoded by client-go alone, ms", of("Refresh/targets=%d", "ms-client-go")},
		{"LIST, decoded to targets and dropped (“bare LIST”), ms", of("Refresh/targets=%d", "ms-list")},
		{"refresh: LIST, merge, write, ms", of("Refresh/targets=%d", "ms-refresh")},
		{"a change: decoding the Secret, µs", of("PublicationOfAChange/targets=%d", "µs-decode")},
		{"… merging all, µs", of("PublicationOfAChange/targets=%d", "µs-merge")},
		{"… writing the file, µs", of("PublicationOfAChange/targets=%d", "µs-write")},
		{"… acknowledged → file, p50, ms", of("Change/secrets=%d", "ms-file-p50")},
		{"… acknowledged → reader, p50, ms", of("Change/secrets=%d", "ms-reader-p50")},
		{"reader: loading the first file, µs", micro(of("Reload/targets=%d", "ns/op"))},
		{"… loading a file in which one target changed, µs", micro(of("ReloadOfAChange/targets=%d", "ns/op"))},
		{"process start → first snapshot, ms", of("Footprint/%d", "ms-to-snapshot")},
		{"anonymous memory, MB", of("Footprint/%d", "MB-anonymous")},
		{"peak of its cgroup, MiB", of("Footprint/%d", "MiB-peak")},
	}
}
