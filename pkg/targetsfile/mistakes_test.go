package targetsfile_test

import (
	"path/filepath"
	"testing"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// What was not made by Open says so at once, instead of waiting for ever or with an error of the runtime.
func TestMistakesPanicClearly(t *testing.T) {
	zero := &targetsfile.Reader{}
	opened := open(t, filepath.Join(t.TempDir(), "targets.json"), targetsfile.WithoutWatch())
	const unopened = "targetsfile: this Reader was not made by Open"
	for _, test := range []struct {
		name string
		do   func()
		want string
	}{
		{"WaitReady", func() { _ = zero.WaitReady(t.Context()) }, unopened},
		{"Snapshot", func() { zero.Snapshot() }, unopened},
		{"Get", func() { _, _ = zero.Get("a") }, unopened},
		{"All", func() { zero.All() }, unopened},
		{"ByType", func() { zero.ByType("slack") }, unopened},
		{"Enabled", func() { zero.Enabled() }, unopened},
		{"Changes", func() { zero.Changes(t.Context()) }, unopened},
		{"OnChange", func() { zero.OnChange(func(targetsfile.Change) {}) }, unopened},
		{"Status", func() { zero.Status() }, unopened},
		{"Healthy", func() { _ = zero.Healthy() }, unopened},
		{"Close", func() { _ = zero.Close() }, unopened},
		{"a nil Reader", func() { _, _ = (*targetsfile.Reader)(nil).Get("a") }, unopened},
		{"OnChange without a function", func() { opened.OnChange(nil) }, "targetsfile: OnChange without a function"},
	} {
		t.Run(test.name, func(t *testing.T) {
			defer func() {
				if got := recover(); got != test.want {
					t.Errorf("got panic %v, want %s", got, test.want)
				}
			}()
			test.do()
		})
	}
}
