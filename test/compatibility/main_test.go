// Package compatibility_test looks at what differs between versions of Kubernetes, on the one that runs, and holds docs/compatibility.md to it.
//
// `make matrix` runs the long form on each version of its MATRIX and writes the document's tables.
package compatibility_test

import (
	"flag"
	"testing"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
)

var (
	patient = flag.Bool("patient", false, "look at the facts that take minutes, too")
	costs   = flag.Bool("costs", false, "count what a quiet time, an outage and a restore cost; takes 20 minutes")
	write   = flag.Bool("write", false, "write what is seen into the document instead of comparing it")
)

// document is what the tables are in.
const document = "../../docs/compatibility.md"

func TestMain(m *testing.M) {
	flag.Parse()
	controlplane.Main(m)
}
