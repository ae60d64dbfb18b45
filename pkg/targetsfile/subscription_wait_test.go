//go:build go1.25

package targetsfile_test

import (
	"testing"
	"testing/synctest"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

func TestStopAndCloseWaitForARunningCall(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(r *targetsfile.Reader, stop func())
	}{
		{"stop", func(_ *targetsfile.Reader, stop func()) { stop() }},
		{"Close", func(r *targetsfile.Reader, _ func()) { r.Close() }},
		{"Close, called a second time", func(r *targetsfile.Reader, _ func()) { go r.Close(); r.Close() }},
		{"stop from another callback", func(r *targetsfile.Reader, stop func()) {
			done := make(chan struct{})
			other := r.OnChange(func(targetsfile.Change) { stop(); close(done) })
			<-done
			other()
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := published(t, document(t, 1, "a"))
			synctest.Test(t, func(t *testing.T) {
				r := open(t, path, targetsfile.WithoutWatch())
				entered, leave, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
				stop := r.OnChange(func(targetsfile.Change) {
					close(entered)
					<-leave
				})
				<-entered
				go func() {
					defer close(ended)
					test.end(r, stop)
				}()
				synctest.Wait()
				select {
				case <-ended:
					t.Error("it ended before the running call did")
				default:
				}
				close(leave)
				<-ended
			})
		})
	}
}
