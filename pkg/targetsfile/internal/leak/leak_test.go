package leak_test

import (
	"strings"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile/internal/leak"
)

func TestMain(m *testing.M) { leak.VerifyTestMain(m) }

// Beside the test there is the goroutine of the testing package, which waits for it.
func TestWaitTellsOfAGoroutine(t *testing.T) {
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		<-end
	}()
	if got := leak.Wait(time.Millisecond); !strings.Contains(got, "TestWaitTellsOfAGoroutine.func1") {
		t.Errorf("got %s, want the goroutine of the test", got)
	}
	close(end)
	<-ended
	if got := leak.Wait(time.Millisecond); strings.Contains(got, "TestWaitTellsOfAGoroutine.func1") {
		t.Errorf("got %s, want no goroutine of the test", got)
	}
}
