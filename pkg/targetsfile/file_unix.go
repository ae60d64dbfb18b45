//go:build unix

package targetsfile

import "syscall"

// openNonblock keeps the opening of a FIFO from waiting for its writer, open(2).
const openNonblock = syscall.O_NONBLOCK
