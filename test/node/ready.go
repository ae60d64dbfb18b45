package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	startTimeout = 2 * time.Minute
	pollInterval = 100 * time.Millisecond
)

// until asks until there is no error.
func until(ctx context.Context, what string, ask func() error) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		err := ask()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s (%w): %w", what, err, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// importImages gives containerd the images.
func (c *cluster) importImages(ctx context.Context) error {
	err := until(ctx, "containerd", func() error {
		conn, err := net.Dial("unix", "/run/containerd/containerd.sock")
		if err != nil {
			return err
		}
		return conn.Close()
	})
	if err != nil {
		return err
	}
	for _, file := range c.plan.Images {
		cmd := exec.CommandContext(ctx, "ctr", "--namespace", "k8s.io", "images", "import", file) // #nosec G204 -- the caller's own file
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("importing %s: %w\n%s", file, err, out)
		}
	}
	c.tell("containerd has %d images", len(c.plan.Images))
	return nil
}

// client returns a client of the administrator.
func client() (kubernetes.Interface, error) {
	config, err := clientcmd.BuildConfigFromFlags("", Kubeconfig)
	if err != nil {
		return nil, err
	}
	return kubernetes.NewForConfig(config)
}

func (c *cluster) awaitAPIServer(ctx context.Context) error {
	api, err := client()
	if err != nil {
		return err
	}
	defer c.tell("the API server is ready")
	return until(ctx, "the API server", func() error {
		return api.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
	})
}

// awaitNode waits until the node is ready and namespaces have what pods in them need.
func (c *cluster) awaitNode(ctx context.Context) error {
	api, err := client()
	if err != nil {
		return err
	}
	defer c.tell("the node is ready")
	return until(ctx, "the node", func() error {
		if _, err := api.CoreV1().ServiceAccounts("default").Get(ctx, "default", metav1.GetOptions{}); err != nil {
			return err
		}
		node, err := api.CoreV1().Nodes().Get(ctx, hostname, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, condition := range node.Status.Conditions {
			if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue {
				return nil
			}
		}
		return errors.New("it is not Ready")
	})
}
