package torture_test

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// refuseVariable names the system calls, by number, that the program may not make for which [refusing] stands in.
const refuseVariable = "TORTURE_REFUSE"

// refusing returns a program that runs another one under a seccomp filter which refuses these system calls with EPERM, as a container's
// profile does.
func refusing(t *testing.T, binary string, calls ...int) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return sidecar.Script(t, fmt.Sprintf("export %s='%s'\nexec %s %s \"$@\"", refuseVariable, strings.Trim(fmt.Sprint(calls), "[]"), self, binary))
}

// refuseAndRun is what such a program does, in the place of tests.
func refuseAndRun(calls string, args []string) error {
	runtime.LockOSThread() // the filter is the thread's
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("giving up privileges: %w", err)
	}
	var filter []unix.SockFilter
	filter = append(filter, unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}) // the number of the call
	for _, field := range strings.Fields(calls) {
		number, err := strconv.ParseUint(field, 10, 32)
		if err != nil {
			return err
		}
		filter = append(filter,
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(number), Jf: 1},
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)})
	}
	filter = append(filter, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}                                                            // #nosec G115 -- a few
	if _, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&program))); errno != 0 { // #nosec G103 -- no other way
		return fmt.Errorf("setting a seccomp filter: %w", errno)
	}
	return syscall.Exec(args[0], args, os.Environ()) // #nosec G204 -- the program under test
}
