// Package torture_test does to the real program, on a real API server, what a node, a network, a cluster and its users can do to it, and
// counts what must never happen: a torn, partial or older snapshot, a target lost, a Secret's value told, a loop that runs hot.
//
// Its tests run in a short form with all the others. `make torture` runs the long one and writes its table to docs/reliability.md.
package torture_test

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/internal/wire"
)

var (
	full    = flag.Bool("full", false, "run the long form: more runs of everything")
	soakFor = flag.Duration("soak", 0, "how long TestSoak runs; 0: it is skipped")
	report  = flag.String("report", "", "the document whose table is to be replaced")
	section = flag.String("section", "torture", "which of the document's tables that is")
)

func TestMain(m *testing.M) {
	if calls := os.Getenv(refuseVariable); calls != "" {
		fmt.Fprintln(os.Stderr, refuseAndRun(calls, os.Args[1:]))
		os.Exit(1)
	}
	flag.Parse()
	if elsewhere() {
		controlplane.Main(m)
	}
	ledger, err := openLedger()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	begun := time.Now()
	controlplane.Main(m, append(wire.IgnoreLeaks(), goleak.Cleanup(func(code int) {
		if err := ledger.print(os.Stdout, time.Since(begun)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
		ledger.close()
		removeRelease()
		os.Exit(code)
	}))...)
}

// times returns how often something is done: often in the long form, seldom in the short one.
func times(long, short int) int {
	if *full {
		return long
	}
	return short
}

// during returns how long something lasts: long in the long form, short in the short one.
func during(long, short time.Duration) time.Duration {
	if *full {
		return long
	}
	return short
}

// patient leaves a test to the long form, where it runs in parallel.
func patient(t *testing.T, why string) {
	t.Helper()
	if !*full {
		t.Skip(why + ": make torture runs it")
	}
	t.Parallel()
}
