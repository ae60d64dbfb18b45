package space

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// private directories are empty inside, and in memory.
var private = []string{"/run", "/var/lib", "/var/log"}

// sysctls are global, and a kubelet sets them unless they have these values already: it is shown files that do, and the machine's are
// left alone.
var sysctls = map[string]string{
	"vm/overcommit_memory":      "1",
	"vm/panic_on_oom":           "0",
	"kernel/panic":              "10",
	"kernel/panic_on_oops":      "1",
	"kernel/keys/root_maxkeys":  "1000000",
	"kernel/keys/root_maxbytes": "25000000",
}

// Setup prepares the namespaces. Process 1 calls it first. The node has the addresses on one network interface that leads nowhere.
func Setup(hostname string, addresses ...string) error {
	if os.Getpid() != 1 {
		return errors.New("this is for process 1 of new namespaces")
	}
	if err := unix.Sethostname([]byte(hostname)); err != nil {
		return fmt.Errorf("setting the host name: %w", err)
	}
	hierarchies, err := ownHierarchies()
	if err != nil {
		return err
	}
	if err := mountAll(hierarchies); err != nil {
		return err
	}
	return network(addresses)
}

// mountAll mounts what must be of the new namespaces:
//  1. nothing of what follows reaches the machine;
//  2. /proc shows the new processes;
//  3. /sys shows the new network. With it go the mounts of the cgroups, whose roots lie outside of the new cgroup namespace, which runc
//     does not understand; they are mounted again;
//  4. what the programs write whatever their flags say is private: the kubelet /var/lib/kubelet and /var/log, CNI /var/lib/cni;
//  5. the global settings are copies;
//  6. mounts reach the containers that ask for it, as the kubelet expects.
func mountAll(hierarchies []hierarchy) error {
	err := all(
		mount{target: "/", flags: unix.MS_REC | unix.MS_PRIVATE}, // 1
		mount{source: "proc", target: "/proc", kind: "proc"},     // 2
	)
	if err != nil {
		return err
	}
	if err := unix.Unmount("/sys", unix.MNT_DETACH); err != nil { // 3
		return fmt.Errorf("unmounting /sys: %w", err)
	}
	mounts := []mount{{source: "sysfs", target: "/sys", kind: "sysfs"}, {source: "tmpfs", target: root, kind: "tmpfs"}}
	for _, h := range hierarchies {
		options := h.controllers
		if strings.HasPrefix(options, "name=") {
			options = "none," + options
		}
		mounts = append(mounts, mount{source: "cgroup", target: h.mountPoint(), kind: "cgroup", options: options})
	}
	for _, dir := range private { // 4
		mounts = append(mounts, mount{source: "tmpfs", target: dir, kind: "tmpfs", options: "mode=755"})
	}
	if err := all(mounts...); err != nil {
		return err
	}
	for name, value := range sysctls { // 5
		if err := shadow(name, value); err != nil {
			return err
		}
	}
	return all(mount{target: "/", flags: unix.MS_REC | unix.MS_SHARED}) // 6
}

// shadow puts a file with a value over a global setting.
func shadow(name, value string) error {
	file := filepath.Join("/run/sysctl", name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(file, []byte(value+"\n"), 0o600); err != nil {
		return err
	}
	return all(mount{source: file, target: filepath.Join("/proc/sys", name), flags: unix.MS_BIND})
}

// mount is one call of mount(2).
type mount struct {
	source, target, kind, options string
	flags                         uintptr
}

// all makes the mounts, and the directories under the file systems.
func all(mounts ...mount) error {
	for _, m := range mounts {
		if m.kind != "" {
			if err := os.MkdirAll(m.target, 0o700); err != nil {
				return err
			}
		}
		if err := unix.Mount(m.source, m.target, m.kind, m.flags, m.options); err != nil {
			return fmt.Errorf("mounting %s on %s: %w", m.kind, m.target, err)
		}
	}
	return nil
}

// network brings up loopback and, as not every kernel has a dummy device, one end of a cable whose other end nobody holds. The default
// route leads nowhere, but the API server and the kubelet want one.
func network(addresses []string) error {
	commands := []string{"link set lo up", "link add node0 type veth peer name node1"}
	for _, address := range addresses {
		commands = append(commands, "addr add "+address+" dev node0")
	}
	commands = append(commands, "link set node0 up", "link set node1 up", "route add default dev node0")
	for _, command := range commands {
		out, err := exec.Command("ip", strings.Fields(command)...).CombinedOutput() // #nosec G204 -- our own commands
		if err != nil {
			return fmt.Errorf("running ip %s: %w\n%s", command, err, out)
		}
	}
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o600) // of this network namespace
}
