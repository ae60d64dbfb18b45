package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"
)

// leakChecked runs the tests and then looks for goroutines that outlived them: goleak.VerifyTestMain in the form that
// testscript.Main asks for.
type leakChecked struct{ m *testing.M }

// Run implements [testscript.TestingM].
func (l leakChecked) Run() int {
	code := l.m.Run()
	if code != 0 {
		return code
	}
	// klog flushes for as long as the process lives.
	if err := goleak.Find(goleak.IgnoreTopFunction("k8s.io/klog/v2.(*flushDaemon).run.func1")); err != nil {
		_, _ = fmt.Fprintf(os.Stderr, "goroutines outlived the tests: %v\n", err)
		return 1
	}
	return 0
}

// TestScripts runs the program as a command. $SNAPSHOT is a snapshot of long ago; whatever is secret in it holds the word canary.
func TestScripts(t *testing.T) {
	snapshot, err := filepath.Abs("testdata/snapshot.json")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("SNAPSHOT", snapshot)
			env.Setenv("GORACE", os.Getenv("GORACE")) // scripts do not inherit the environment
			return nil
		},
	})
}
