package binaries

import (
	"fmt"
	"io"
	"os"
	"time"
)

// tell says what is being done, every half minute that it is still being done (CI would take a silent job for a hung
// one), and how long it took.
func (c Cache) tell(what string, do func() error) error {
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
			say("still at it after %v", time.Since(start).Round(time.Second))
		}
	}
}

func (c Cache) log() io.Writer {
	if c.Log == nil {
		return os.Stderr
	}
	return c.Log
}
