package e2e_test

import (
	"cmp"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/alert-history/refresh-sidecar/test/node"
)

// The images that deploy/ names, and the next version's. The node of `make e2e` has them.
const (
	sidecarImage = "alert-history/refresh-sidecar:1.0.0"
	nextImage    = "alert-history/refresh-sidecar:1.0.1"
	appImage     = "alert-history/alert-history:1.0.0"
)

// cluster is where the tests run: a node that `make e2e` has started for them and throws away, or a cluster of somebody's, which is reached
// through its API server alone and left as it was found.
type cluster struct {
	foreign            bool
	sidecar, next, app string // images; next is empty where there is none
}

// needCluster skips a test for which there is no cluster. A kubeconfig alone does not name one: it may be that of a cluster which matters.
func needCluster(t *testing.T) cluster {
	t.Helper()
	if image := os.Getenv("E2E_IMAGE"); image != "" {
		return cluster{foreign: true, sidecar: image, next: os.Getenv("E2E_NEXT_IMAGE"), app: cmp.Or(os.Getenv("E2E_APP_IMAGE"), appImage)}
	}
	if os.Getenv("KUBECONFIG") != node.Kubeconfig {
		t.Skip("e2e: `make e2e` runs this, on a node of its own or on a cluster that it is given")
	}
	return cluster{sidecar: sidecarImage, next: nextImage, app: appImage}
}

// needNode skips a test that looks at the node itself, where the node is not this machine.
func (c cluster) needNode(t *testing.T, reason string) {
	t.Helper()
	if c.foreign {
		t.Skipf("NOT RUN on a cluster that was given: %s", reason)
	}
}

// withImages has a text of deploy/ name the images that the cluster has.
func (c cluster) withImages(text string) string {
	return strings.NewReplacer(sidecarImage, c.sidecar, appImage, c.app).Replace(text)
}

// withImagesIn does so with all files of a directory.
func (c cluster) withImagesIn(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		return os.WriteFile(path, []byte(c.withImages(read(t, path))), 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// restrict makes the namespace, with the strictest standard enforced. One that exists is somebody else's, and fails the test.
func (p *pod) restrict(t *testing.T) {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: p.namespace, Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
	}}
	if _, err := p.api.CoreV1().Namespaces().Create(t.Context(), namespace, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if p.foreign {
		t.Cleanup(func() { p.leave(t) })
	}
}

// leave deletes the namespace and returns when it is gone: the next run makes it again.
func (p *pod) leave(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience) // deleting 10 000 Secrets takes a while
	defer cancel()
	namespaces := p.api.CoreV1().Namespaces()
	err := namespaces.Delete(ctx, p.namespace, metav1.DeleteOptions{})
	for err == nil {
		select {
		case <-ctx.Done():
			err = context.Cause(ctx)
		case <-time.After(pollInterval):
			_, err = namespaces.Get(ctx, p.namespace, metav1.GetOptions{})
		}
	}
	if !apierrors.IsNotFound(err) {
		t.Errorf("deleting the namespace %s: %v", p.namespace, err)
	}
}
