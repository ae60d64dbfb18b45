package space

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// root is where the hierarchies of cgroup v1 are mounted.
const root = "/sys/fs/cgroup"

// removeTimeout is for the kernel to take the last traces of killed processes away.
const removeTimeout = 5 * time.Second

// hierarchy is one of cgroup v1: the controllers it has, and where in it this process is.
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

// makeCgroups makes the directories, and removes those of spaces whose process was killed.
func makeCgroups(name string) (made cgroups, err error) {
	hierarchies, err := ownHierarchies()
	if err != nil {
		return nil, err
	}
	for _, h := range hierarchies {
		parent := filepath.Join(h.mountPoint(), h.path)
		if err := sweep(parent, name); err != nil {
			return made, err
		}
		dir := filepath.Join(parent, name+"-"+strconv.Itoa(os.Getpid()))
		if err := os.Mkdir(dir, 0o755); err != nil { // #nosec G301 -- as the kernel's own
			return made, fmt.Errorf("making a cgroup: %w", err)
		}
		made = append(made, dir)
		if h.controllers != "cpuset" {
			continue
		}
		for _, file := range []string{"cpuset.cpus", "cpuset.mems"} { // empty in a new one, which then takes no process
			data, err := os.ReadFile(filepath.Join(parent, file)) // #nosec G304 -- a path of the kernel
			if err != nil {
				return made, err
			}
			if err := write(dir, file, string(data)); err != nil {
				return made, err
			}
		}
		if err := write(dir, "cgroup.clone_children", "1"); err != nil { // which copies them from then on
			return made, err
		}
	}
	return made, nil
}

// sweep removes what a process that was killed has left.
func sweep(parent, name string) error {
	left, err := filepath.Glob(filepath.Join(parent, name+"-*"))
	if err != nil {
		return err
	}
	for _, dir := range left {
		pid := filepath.Base(dir)[len(name)+1:]
		if _, err := os.Stat("/proc/" + pid); errors.Is(err, fs.ErrNotExist) {
			if err := removeTree(dir); err != nil {
				return err
			}
		}
	}
	return nil
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

// remove removes the directories, whose processes have ended.
func (c cgroups) remove() (err error) {
	for _, dir := range c {
		err = errors.Join(err, removeTree(dir))
	}
	return err
}

// removeTree removes a cgroup and those below it. The files in them cannot be removed and need not.
func removeTree(dir string) error {
	var dirs []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			dirs = append(dirs, path)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("looking for cgroups to remove: %w", err)
	}
	deadline := time.Now().Add(removeTimeout)
	for i := len(dirs) - 1; i >= 0; i-- {
		err := unix.Rmdir(dirs[i])
		for errors.Is(err, unix.EBUSY) && time.Now().Before(deadline) {
			time.Sleep(10 * time.Millisecond)
			err = unix.Rmdir(dirs[i])
		}
		if err != nil {
			return fmt.Errorf("removing cgroup %s: %w", dirs[i], err)
		}
	}
	return nil
}

func write(dir, file, text string) error {
	if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
		return fmt.Errorf("setting up a cgroup: %w", err)
	}
	return nil
}
