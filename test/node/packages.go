package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
)

// needed maps what must be on the machine to the Debian package that has it.
var needed = []struct{ path, pkg string }{
	{"/usr/bin/containerd", "containerd"},
	{"/usr/sbin/runc", "runc"},
	{"/usr/lib/cni/bridge", "containernetworking-plugins"},
	{"/usr/sbin/ip", "iproute2"},
	{"/usr/bin/nsenter", "util-linux"},
	{"/usr/bin/curl", "curl"},
}

// servicePolicy is asked by Debian's packages whether they may start their services (invoke-rc.d(8)).
const servicePolicy = "/usr/sbin/policy-rc.d"

// installPackages installs what is missing. The lists of packages are brought up to date only if it does not work without that.
func installPackages(ctx context.Context, tell func(string, ...any)) (err error) {
	var missing []string
	for _, n := range needed {
		if _, err := os.Stat(n.path); errors.Is(err, fs.ErrNotExist) {
			missing = append(missing, n.pkg)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	tell("installing %s", strings.Join(missing, ", "))
	allow, err := forbidServices()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, allow()) }()
	install := append([]string{"install", "--yes", "--no-install-recommends"}, missing...)
	if aptGet(ctx, install...) == nil {
		return nil
	}
	if err := aptGet(ctx, "update"); err != nil {
		return err
	}
	return aptGet(ctx, install...)
}

func aptGet(ctx context.Context, args ...string) error {
	args = append([]string{"-o", "DPkg::Lock::Timeout=300"}, args...) // others may be installing something, too
	cmd := exec.CommandContext(ctx, "apt-get", args...)               // #nosec G204 -- our own commands
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("running apt-get %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// forbidServices keeps a package from starting a containerd of the machine's own, unless there is a policy already. The function that
// it returns takes that back.
func forbidServices() (func() error, error) {
	file, err := os.OpenFile(servicePolicy, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755) // #nosec G302 -- it is run
	if errors.Is(err, fs.ErrExist) {
		return func() error { return nil }, nil
	}
	if err != nil {
		return nil, err
	}
	_, err = file.WriteString("#!/bin/sh\nexit 101\n")
	return func() error { return os.Remove(servicePolicy) }, errors.Join(err, file.Close())
}
