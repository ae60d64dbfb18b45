// Package child runs processes that cannot outlive the one that started them: when that ends, even by SIGKILL, the
// kernel kills them.
//
// Not promised: that the children of a child end, too.
package child

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// logTail is how much of the end of a log goes into an error: a klog stack or a compiler's complaint fits.
const logTail = 4096

// Spec says what to run.
type Spec struct {
	Path    string         // the program
	Args    []string       // without the program's name
	Dir     string         // working directory; empty: this process's
	Env     []string       // empty: this process's
	Log     string         // file that gets standard output and standard error, appended
	OnDeath syscall.Signal // what the child gets when this process ends; 0: SIGKILL
}

// Child is a process that was started.
type Child struct {
	spec Spec
	cmd  *exec.Cmd
	done chan struct{}
	err  error // of Wait; read it after done is closed
}

// Start starts the program that spec describes.
func Start(spec Spec) (*Child, error) {
	log, err := os.OpenFile(spec.Log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the log of %s: %w", filepath.Base(spec.Path), err)
	}
	cmd := exec.Command(spec.Path, spec.Args...) // #nosec G204 -- the programs are our own constants
	cmd.Dir, cmd.Env = spec.Dir, spec.Env
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: cmp.Or(spec.OnDeath, syscall.SIGKILL)}
	c := &Child{spec: spec, cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go c.run(started)
	if err := errors.Join(<-started, log.Close()); err != nil {
		return nil, fmt.Errorf("starting %s: %w", filepath.Base(spec.Path), err)
	}
	return c, nil
}

// run stays on one thread from start to end: the signal of PR_SET_PDEATHSIG comes when the *thread* that forked ends
// (prctl(2)), and the Go runtime may end a thread that another goroutine had locked.
func (c *Child) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(c.done)
	err := c.cmd.Start()
	started <- err
	if err == nil {
		c.err = c.cmd.Wait()
	}
}

// Done is closed when the process has ended.
func (c *Child) Done() <-chan struct{} {
	return c.done
}

// PID is the process's id.
func (c *Child) PID() int {
	return c.cmd.Process.Pid
}

// Signal sends a signal to the process.
func (c *Child) Signal(sig os.Signal) error {
	if err := c.cmd.Process.Signal(sig); err != nil {
		return fmt.Errorf("sending %v to %s: %w", sig, c.name(), err)
	}
	return nil
}

// Pause stops the process, and returns when the last of its threads has stopped, which is when the kernel tells its
// parent (SIGCONT ends the pause). WNOWAIT leaves the news in place, so that a second Pause does not wait for another.
func (c *Child) Pause() error {
	if err := c.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	for {
		err := unix.Waitid(unix.P_PID, c.PID(), nil, unix.WSTOPPED|unix.WNOWAIT, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("waiting for %s to stop: %w", c.name(), err)
		}
		return nil
	}
}

// Kill ends the process at once, also one that is stopped, and waits until it is gone. It may be gone already.
func (c *Child) Kill() error {
	if err := c.Signal(os.Kill); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-c.done
	return nil
}

// Exit is nil if the process, which must be done, ended well; otherwise how it ended and the end of its log.
func (c *Child) Exit() error {
	if c.err == nil {
		return nil
	}
	return c.Explain(c.err)
}

// Explain adds the process's name and the end of its log to err.
func (c *Child) Explain(err error) error {
	log, readErr := os.ReadFile(c.spec.Log)
	if readErr != nil {
		return errors.Join(err, readErr)
	}
	if len(log) > logTail {
		log = log[len(log)-logTail:]
	}
	return fmt.Errorf("%s: %w; the end of its log:\n%s", c.name(), err, strings.TrimSpace(string(log)))
}

func (c *Child) name() string {
	return filepath.Base(c.spec.Path)
}
