package targetsfiletest_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile/targetsfiletest"
)

// notify stands for the app's code under test.
func notify(r *targetsfile.Reader, name string) error {
	target, err := r.Get(name)
	if err != nil {
		return fmt.Errorf("notifying %s: %w", name, err)
	}
	fmt.Println("POST", target.URL)
	return nil
}

// A test of the app gives it a reader of fixed targets.
func ExampleNewReader() {
	test := func(t testing.TB) {
		reader := targetsfiletest.NewReader(t, targetsfile.Target{Name: "hook", Type: "webhook", URL: "https://example.com/in"})
		if err := notify(reader, "hook"); err != nil {
			t.Error(err)
		}
		fmt.Println(notify(reader, "slack"))
	}
	run(test)
	// Output:
	// POST https://example.com/in
	// notifying slack: no such target
}

// run runs a test in an example, where there is no testing.T. The app's own tests get theirs from go test.
func run(test func(t testing.TB)) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	t := &exampleT{ctx: ctx}
	defer t.cleanUp()
	test(t)
}

type exampleT struct {
	testing.TB
	ctx      context.Context
	cleanups []func()
}

func (t *exampleT) Helper()                  {}
func (t *exampleT) Name() string             { return "TestNotify" }
func (t *exampleT) Context() context.Context { return t.ctx }
func (t *exampleT) Cleanup(f func())         { t.cleanups = append(t.cleanups, f) }
func (t *exampleT) Error(args ...any)        { fmt.Println(args...) }

func (t *exampleT) TempDir() string {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (t *exampleT) cleanUp() {
	for _, f := range slices.Backward(t.cleanups) {
		f()
	}
}
