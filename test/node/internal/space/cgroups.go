package space

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// root is where the hierarchies of cgroup v1 are mounted.
const root = "/sys/fs/cgroup"

// hierarchy is a hierarchy of cgroup version 1: its controllers, and the path of this process's group in it.
type hierarchy struct {
	controllers string // as in /proc/self/cgroup: "cpu,cpuacct", "name=systemd"
	path        string
}

// mountPoint is where the hierarchy is mounted.
func (h hierarchy) mountPoint() string {
	return filepath.Join(root, strings.TrimPrefix(h.controllers, "name="))
}

// ownHierarchies reads /proc/self/cgroup.
func ownHierarchies() (all []hierarchy, err error) {
	data, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	memory := false
	for line := range strings.Lines(string(data)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 || fields[1] == "" { // of version 2
			continue
		}
		all = append(all, hierarchy{controllers: fields[1], path: fields[2]})
		memory = memory || fields[1] == "memory"
	}
	if !memory {
		return nil, errors.New("the memory controller is not one of cgroup version 1, the only one that this node knows")
	}
	return all, nil
}

// cgroups are the directories of one space, one in each hierarchy, below the caller's own.
type cgroups []string

// makeCgroups makes the directories. What it returns is to be removed, also with an error.
func makeCgroups(name string) (made cgroups, err error) {
	hierarchies, err := ownHierarchies()
	if err != nil {
		return nil, err
	}
	for _, h := range hierarchies {
		parent := filepath.Join(h.mountPoint(), h.path)
		dir := filepath.Join(parent, name+"-"+strconv.Itoa(os.Getpid()))
		if err := os.Mkdir(dir, 0o755); err != nil { // #nosec G301 -- as the kernel's own
			return made, fmt.Errorf("making a cgroup: %w", err)
		}
		made = append(made, dir)
		if h.controllers != "cpuset" {
			continue
		}
		for _, file := range []string{"cpuset.cpus", "cpuset.mems"} { // empty in a new cpuset, which takes no process as long as they are
			data, err := os.ReadFile(filepath.Join(parent, file)) // #nosec G304 -- a path of the kernel
			if err != nil {
				return made, err
			}
			if err := write(dir, file, string(data)); err != nil {
				return made, err
			}
		}
		if err := write(dir, "cgroup.clone_children", "1"); err != nil { // so that cgroups below get copies of them
			return made, err
		}
	}
	return made, nil
}

// within does something, such as starting a process, while this process is in the cgroups.
func (c cgroups) within(do func() error) (err error) {
	self := strconv.Itoa(os.Getpid())
	defer func() {
		for _, dir := range c {
			err = errors.Join(err, write(filepath.Dir(dir), "cgroup.procs", self))
		}
	}()
	for _, dir := range c {
		if err := write(dir, "cgroup.procs", self); err != nil {
			return err
		}
	}
	return do()
}

// janitor is a process that removes the cgroups when its standard input ends: at the latest when this process does, however that ends.
// It is in a session of its own, so that it survives when all processes of a job are killed.
type janitor struct {
	cmd   *exec.Cmd
	input io.Closer
}

// sweep removes directories, from the bottom up, as soon as the kernel lets go of them. The files in them need not be removed.
const sweep = `cat >/dev/null
[ $# -gt 0 ] || exit 0 # find would begin where it stands
for try in $(seq 100); do
	find "$@" -depth -type d -exec rmdir {} + 2>/dev/null
	left=; for dir; do [ ! -d "$dir" ] || left="$left $dir"; done
	[ -n "$left" ] || exit 0
	sleep 0.1
done
echo "cgroups are left:$left" >&2
exit 1`

func (c cgroups) hireJanitor() (*janitor, error) {
	cmd := exec.Command("sh", append([]string{"-c", sweep, "sh"}, c...)...) // #nosec G204 -- our own script
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	input, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the process that removes the cgroups: %w", err)
	}
	return &janitor{cmd: cmd, input: input}, nil
}

// finish has the cgroups removed, whose processes have ended.
func (j *janitor) finish() error {
	if err := errors.Join(j.input.Close(), j.cmd.Wait()); err != nil {
		return fmt.Errorf("removing the cgroups: %w", err)
	}
	return nil
}

func write(dir, file, text string) error {
	if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil { // #nosec G703 -- the kernel's files
		return fmt.Errorf("setting up a cgroup: %w", err)
	}
	return nil
}
