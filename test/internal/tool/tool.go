// Package tool finds what tests use of a machine's other programs. A test whose program is missing is skipped, and says what to install.
package tool

import (
	"os/exec"
	"testing"
)

// Find returns the path of a program. Without it the test is skipped, and says which of Debian's packages bring it.
func Find(t testing.TB, program, packages string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skipf("skipped: there is no %s; apt-get install %s", program, packages)
	}
	return path
}
