package prom_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile/prom"
)

// The app registers the collector beside its own metrics.
func ExampleNewCollector() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	reader, err := targetsfile.Open(context.Background(), filepath.Join(dir, "targets.json"))
	if err != nil {
		panic(err)
	}
	defer reader.Close()

	registry := prometheus.NewRegistry()
	registry.MustRegister(prom.NewCollector(reader))
	families, err := registry.Gather()
	if err != nil {
		panic(err)
	}
	for _, family := range families {
		fmt.Println(family.GetName())
	}
	// Output:
	// targetsfile_loads_total
	// targetsfile_watching
}
