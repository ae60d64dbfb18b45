// Package binaries builds the programs of a Kubernetes cluster from their modules, once per machine and version.
//
// No binary is downloaded: what a test runs comes through the Go module proxy, checked against the checksum database
// like every other dependency. [Cache.Estimate] says what that takes, kube-apiserver most of it; from then on the programs
// are files in the user's cache directory.
//
// Not promised: that an old version's binary is ever removed.
package binaries

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// The versions that are built, where a [Cache] does not say otherwise.
const (
	KubernetesVersion = "1.37.2"
	EtcdVersion       = "3.7.3"
)

// Name is the name of a program.
type Name string

// The programs that can be built.
const (
	APIServer         Name = "kube-apiserver"
	ControllerManager Name = "kube-controller-manager"
	Etcd              Name = "etcd"
	Etcdutl           Name = "etcdutl"
	Kubectl           Name = "kubectl"
	Kubelet           Name = "kubelet"
	Scheduler         Name = "kube-scheduler"
)

// Cache is where binaries are built and kept. The zero value is ready to use.
type Cache struct {
	Dir        string    // empty: refresh-sidecar/binaries in the user's cache directory
	Kubernetes string    // the version of the programs that come from Kubernetes; empty: KubernetesVersion
	Log        io.Writer // where progress is told; nil: standard error
}

// Path is the path of the program, which is built first if it is missing. Any number of processes may ask at the same
// time: one builds, the others wait. When ctx ends first, what was compiled so far stays in Go's build cache, so that
// the next call goes on from there.
func (c Cache) Path(ctx context.Context, name Name) (string, error) {
	dir, err := c.dir()
	if err != nil {
		return "", err
	}
	src, err := sourceOf(name, cmp.Or(c.Kubernetes, KubernetesVersion))
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, string(name)+"-"+src.version)
	if built(path) {
		return path, nil
	}
	if err := c.buildOnce(ctx, src, path); err != nil {
		return "", fmt.Errorf("building %s: %w", filepath.Base(path), err)
	}
	return path, nil
}

// buildOnce builds under a lock of the whole directory: two builds at the same time would compile the packages that
// they have in common twice.
func (c Cache) buildOnce(ctx context.Context, src source, path string) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the directory for binaries: %w", err)
	}
	unlock, err := c.lock(ctx, filepath.Join(dir, "build.lock"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if built(path) {
		return nil
	}
	b := build{source: src, path: path}
	return c.tell(fmt.Sprintf("building %s (once; takes about %v on two cores)", filepath.Base(path), src.takes.Time), b.progress, func() error {
		return b.run(ctx)
	})
}

func (c Cache) dir() (string, error) {
	if c.Dir != "" {
		return c.Dir, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("looking for the cache directory: %w", err)
	}
	return filepath.Join(cache, "refresh-sidecar", "binaries"), nil
}

// built is true only for a complete binary: builds are renamed into place.
func built(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
