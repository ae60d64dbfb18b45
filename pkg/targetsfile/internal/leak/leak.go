// Package leak fails a test binary that leaves goroutines behind. It takes the place of a library for that: what the reader's tests
// require, an app that imports the reader would get as a minimum.
package leak

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// patience is how long goroutines that were told to end may take.
const patience = 10 * time.Second

// VerifyTestMain runs the tests and ends the program, with an error if goroutines outlive them.
func VerifyTestMain(m *testing.M) {
	code := m.Run()
	if left := Wait(patience); code == 0 && left != "" {
		fmt.Fprintf(os.Stderr, "goroutines outlive the tests:\n%s\n", left)
		code = 1
	}
	os.Exit(code)
}

// Wait waits until there are no goroutines but the caller's and the runtime's, and returns the stacks of those that remain.
func Wait(atMost time.Duration) string {
	for deadline := time.Now().Add(atMost); ; time.Sleep(time.Millisecond) {
		if left := others(); left == "" || time.Now().After(deadline) {
			return left
		}
	}
}

// others returns the stacks of the goroutines beside the caller's. That of os/signal, which the testing package starts, never ends.
func others() string {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	var left []string
	for _, stack := range strings.Split(string(stacks), "\n\n")[1:] {
		if !strings.Contains(stack, "\nos/signal.") {
			left = append(left, stack)
		}
	}
	return strings.Join(left, "\n\n")
}
