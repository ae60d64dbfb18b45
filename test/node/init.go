package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/alert-history/refresh-sidecar/test/controlplane/binaries"
	"github.com/alert-history/refresh-sidecar/test/internal/child"
	"github.com/alert-history/refresh-sidecar/test/node/internal/space"
)

// Init is the first argument of a program that calls [Run], when it is process 1 of a node: it then calls [Main] with the others.
const Init = "process-1-of-a-node"

// cluster is the node from inside.
type cluster struct {
	plan    plan
	tell    func(string, ...any)
	daemons []*child.Child
	// ended gets the error of the first daemon that ends; all are meant to run until the node ends.
	ended context.CancelCauseFunc
}

// Main is process 1: it starts the cluster and runs the command. Processes that lose their parent become its children; it leaves them
// unreaped until the kernel takes them away with it.
func Main(ctx context.Context, args []string) error {
	var p plan
	if len(args) != 1 {
		return errors.New("this is started by Run")
	}
	if err := json.Unmarshal([]byte(args[0]), &p); err != nil {
		return fmt.Errorf("reading the plan: %w", err)
	}
	if err := space.Setup(hostname, nodeIP+"/24", serviceIP+"/32"); err != nil {
		return fmt.Errorf("setting up the node: %w", err)
	}
	if err := configure(); err != nil {
		return fmt.Errorf("configuring the node: %w", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c := &cluster{plan: p, tell: teller(os.Stderr, p.Began), ended: cancel}
	if err := c.start(ctx); err != nil {
		return fmt.Errorf("starting the cluster: %w", err)
	}
	return c.run(ctx)
}

// start starts the programs in the order in which they need each other, and returns when pods can be made.
func (c *cluster) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	steps := []func(context.Context) error{
		c.daemon("etcd", c.plan.Binaries[binaries.Etcd], etcdArgs()...),
		c.daemon("containerd", "containerd", "--config="+in("containerd.toml")),
		c.daemon("kube-apiserver", c.plan.Binaries[binaries.APIServer], apiServerArgs()...), // it waits for etcd
		c.importImages,
		c.awaitAPIServer, // the others give up when they cannot reach it
		c.daemon("kube-controller-manager", c.plan.Binaries[binaries.ControllerManager], controllerManagerArgs()...),
		c.daemon("kube-scheduler", c.plan.Binaries[binaries.Scheduler], controllerArgs("scheduler")...),
		c.daemon("kubelet", c.plan.Binaries[binaries.Kubelet], kubeletArgs()...),
		c.awaitNode,
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return os.Symlink(c.plan.Binaries[binaries.Kubectl], filepath.Join(binDir, "kubectl"))
}

// daemon returns a step that starts a program; when the program ends, that ends the cluster.
func (c *cluster) daemon(name, program string, args ...string) func(context.Context) error {
	return func(context.Context) error {
		path, err := exec.LookPath(program)
		if err != nil {
			return err
		}
		d, err := child.Start(child.Spec{Path: path, Args: args, Dir: configDir, Log: filepath.Join(c.plan.Logs, name+".log")})
		if err != nil {
			return err
		}
		c.daemons = append(c.daemons, d)
		go func() {
			<-d.Done()
			c.ended(d.Explain(errors.New("ended by itself")))
		}()
		return nil
	}
}

// run runs the command. It gets SIGTERM when it is to end early.
func (c *cluster) run(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, c.plan.Command[0], c.plan.Command[1:]...) // #nosec G204 -- the caller's
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), "KUBECONFIG="+Kubeconfig, "PATH="+binDir+":"+os.Getenv("PATH"))
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		err = errors.Join(context.Cause(ctx), err)
	}
	if err != nil {
		return fmt.Errorf("running %s (the cluster's logs are in %s): %w", filepath.Base(c.plan.Command[0]), c.plan.Logs, err)
	}
	return nil
}
