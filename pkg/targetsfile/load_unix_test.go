//go:build unix

package targetsfile_test

import (
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// Opening these can block, or have effects of its own.
func TestReaderDoesNotWaitForSpecialFiles(t *testing.T) {
	keepsTheLastGood(t, []fault{
		{"a FIFO", func(t *testing.T, path string) {
			check(t, os.Remove(path), syscall.Mkfifo(path, 0o600))
		}, targetsfile.ReasonNotRegular},
		{"a device", func(t *testing.T, path string) {
			check(t, os.Remove(path))
			const zero = 1<<8 | 5 // of Linux; elsewhere it may be another device or none
			if err := syscall.Mknod(path, syscall.S_IFCHR|0o600, zero); err != nil {
				t.Skipf("making a device takes root: %v", err)
			}
		}, targetsfile.ReasonNotRegular},
		{"a link to an endless device", func(t *testing.T, path string) {
			check(t, os.Remove(path), os.Symlink("/dev/zero", path))
		}, targetsfile.ReasonNotRegular},
		{"a socket", func(t *testing.T, path string) {
			check(t, os.Remove(path))
			t.Chdir(filepath.Dir(path)) // the path of a socket is limited to about 100 bytes
			listener, err := net.Listen("unix", filepath.Base(path))
			check(t, err)
			t.Cleanup(func() { listener.Close() })
		}, targetsfile.ReasonNotRegular},
	})
}
