// Package space runs a program as process 1 of Linux namespaces of its own, and in cgroups of its own, so that everything that it
// starts, mounts and configures ends with it: its processes are killed by the kernel when it ends, its mounts and network interfaces
// are not there for anybody else and go with the last process, and its cgroups are removed.
//
// That holds as well if the caller is killed: the kernel then kills process 1, and a process that waits for it removes the cgroups.
//
// Not promised: security. What is inside is root, and sees the file system that it does not hide from itself.
package space

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// stopTimeout is how long process 1 may take to end when it is asked to.
const stopTimeout = 10 * time.Second

// namespaces are all but the user's and time's.
const namespaces = syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC |
	syscall.CLONE_NEWCGROUP

// Check says why this machine cannot do it, or nil.
func Check() error {
	if os.Geteuid() != 0 {
		return errors.New("it takes root")
	}
	if _, err := ownHierarchies(); err != nil {
		return err
	}
	probe := exec.Command("true")
	probe.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces}
	if err := probe.Run(); err != nil {
		return fmt.Errorf("no namespaces can be made here: %w", err)
	}
	return nil
}

// Visible returns an error if Setup hides the path.
func Visible(path string) error {
	for _, dir := range private {
		if rest, err := filepath.Rel(dir, path); err == nil && filepath.IsLocal(rest) {
			return fmt.Errorf("%s cannot be seen inside, because %s is another one there", path, dir)
		}
	}
	return nil
}

// Run runs this very program with args as process 1, with the caller's input and output, until it ends. When ctx ends it gets SIGTERM,
// and if need be SIGKILL. The program calls [Setup] before anything else. Cgroups are named after name.
func Run(ctx context.Context, name string, args ...string) (err error) {
	// The signal of Pdeathsig comes when the thread ends that started the process (prctl(2)).
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	groups, err := makeCgroups(name)
	janitor, hireErr := groups.hireJanitor()
	if hireErr != nil {
		return errors.Join(err, hireErr)
	}
	defer func() { err = errors.Join(err, janitor.finish()) }()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "/proc/self/exe", args...) // #nosec G204 -- this program
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopTimeout
	if err := groups.within(cmd.Start); err != nil {
		return fmt.Errorf("starting process 1 of new namespaces: %w", err)
	}
	return cmd.Wait()
}
