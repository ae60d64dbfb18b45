package binaries

import "time"

// PrometheusVersion is the version of Prometheus that is built.
const PrometheusVersion = "3.16.0"

// prometheusModule is what PrometheusVersion is called as a Go module, which has no major version 3.
const prometheusModule = "v0.316.0"

// The programs of Prometheus that can be built.
const (
	Prometheus Name = "prometheus"
	Promtool   Name = "promtool"
)

// prometheusSource leaves out what tests do not need: the web pages, which the module does not hold (release builds add them with the
// tag builtinassets), and all service discoveries but file and http, because the libraries of all those clouds are most of the program.
func prometheusSource(name Name) source {
	return source{
		takes:   Cost{2 * time.Minute, 1},
		module:  "github.com/prometheus/prometheus",
		version: prometheusModule,
		pkg:     "github.com/prometheus/prometheus/cmd/" + string(name),
		ldflags: "-s -w -X github.com/prometheus/common/version.Version=" + PrometheusVersion,
		tags:    "remove_all_sd",
	}
}
