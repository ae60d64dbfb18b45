package binaries

import (
	"fmt"
	"io"
	"os"
	"time"
)

// tell says what is being done, every half minute that it is still being done (CI would take a silent job for a hung
// one) with the progress, and how long it took.
func (c Cache) tell(what string, progress func() string, do func() error) error {
	start := time.Now()
	say := func(format string, args ...any) {
		fmt.Fprintf(c.log(), "binaries: "+format+"\n", args...) //nolint:errcheck // progress is a courtesy
	}
	say("%s", what)
	done := make(chan error, 1)
	go func() { done <- do() }()
	tick := time.NewTicker(30 * time.Second)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			elapsed := time.Since(start).Round(time.Second / 10)
			if err != nil {
				return fmt.Errorf("giving up after %v: %w", elapsed, err)
			}
			say("done after %v", elapsed)
			return nil
		case <-tick.C:
			say("still at it after %v%s", time.Since(start).Round(time.Second), progress())
		}
	}
}

// nothing is the progress of what has none.
func nothing() string { return "" }

func (c Cache) log() io.Writer {
	if c.Log == nil {
		return os.Stderr
	}
	return c.Log
}
