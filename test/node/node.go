// Package node runs a command beside a real Kubernetes cluster of one node: etcd, kube-apiserver, kube-controller-manager,
// kube-scheduler and kubelet, built from their modules (package binaries), and Debian's containerd, runc and network plugins.
//
// The cluster lives in namespaces of its own (package space) and its state in memory: it uses no port of the machine, any number of
// them run side by side, and when the command ends, or this process is killed, nothing is left but the logs. It starts in some ten
// seconds. The command finds kubectl in its PATH and the administrator's kubeconfig in KUBECONFIG, and reaches pods by their address.
//
// It takes root, cgroup version 1, and Debian's apt-get for packages that are missing; [Check] says what is wrong.
//
// Not promised: what takes more than a node has. There is no DNS, no Service but `kubernetes`, no network policy is enforced, and no
// image is pulled: those given are all there are.
package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/alert-history/refresh-sidecar/test/controlplane/binaries"
	"github.com/alert-history/refresh-sidecar/test/image"
	"github.com/alert-history/refresh-sidecar/test/node/internal/space"
)

// spaceName is what cgroups of nodes are named after.
const spaceName = "refresh-sidecar-node"

// ErrImpossible is returned where the machine is not one that can run a node.
var ErrImpossible = errors.New("this machine cannot run a node")

// Config says what to run.
type Config struct {
	Command []string  // the program and its arguments
	Images  []string  // OCI archives that the node is to have
	Logs    string    // directory for the logs of the cluster's programs and the pause image, which is emptied first
	Tell    io.Writer // where progress is told
}

// Check says why this machine cannot run a node, as an error that is [ErrImpossible], or nil.
func Check() error {
	if err := space.Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrImpossible, err)
	}
	return nil
}

// plan is what process 1 is told.
type plan struct {
	Command  []string
	Images   []string
	Logs     string
	Binaries map[binaries.Name]string
	Began    time.Time
}

// Run installs and builds what is missing, starts the cluster, runs the command, and ends both. The error is the command's.
func Run(ctx context.Context, config Config) (err error) {
	if err := Check(); err != nil {
		return err
	}
	if err := installPackages(ctx, teller(config.Tell, time.Now())); err != nil {
		return fmt.Errorf("installing packages: %w", err)
	}
	p := plan{Command: config.Command, Binaries: map[binaries.Name]string{}}
	for _, name := range programs {
		if p.Binaries[name], err = (binaries.Cache{Log: config.Tell}).Path(ctx, name); err != nil {
			return err
		}
	}
	if p.Logs, err = emptyDir(config.Logs); err != nil {
		return fmt.Errorf("making the directory for logs: %w", err)
	}
	if err := errors.Join(space.Visible(p.Logs), space.Visible(os.Args[0])); err != nil {
		return err
	}
	pause, err := buildPause(ctx, p.Logs)
	if err != nil {
		return err
	}
	for _, file := range append(config.Images, pause) {
		path, err := filepath.Abs(file)
		if err != nil {
			return err
		}
		p.Images = append(p.Images, path)
	}
	p.Began = time.Now()
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return space.Run(ctx, spaceName, Init, string(text))
}

// buildPause builds the image of which every pod has a container.
func buildPause(ctx context.Context, dir string) (path string, err error) {
	_, here, _, _ := runtime.Caller(0)
	path = filepath.Join(dir, "pause.tar")
	_, err = image.Create(ctx, path, "localhost/pause:1", image.Spec{
		Dir: filepath.Dir(here), Package: "./pause", Platforms: []v1.Platform{{OS: runtime.GOOS, Architecture: runtime.GOARCH}},
	})
	return path, err
}

func emptyDir(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return dir, errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o700))
}

// teller returns a function that tells what happens, with the time since the beginning.
func teller(to io.Writer, began time.Time) func(format string, args ...any) {
	return func(format string, args ...any) {
		fmt.Fprintf(to, "node: %5.1f s: %s\n", time.Since(began).Seconds(), fmt.Sprintf(format, args...)) //nolint:errcheck // a courtesy
	}
}
