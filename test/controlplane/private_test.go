package controlplane_test

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
)

func TestAPrivatePlaneStopsRestartsAndPauses(t *testing.T) {
	plane := controlplane.StartPrivate(t)
	namespace := plane.Namespace(t)
	createSecret(t, plane.Plane, namespace, "slack")
	host := plane.AdminConfig().Host
	get := func(ctx context.Context) error {
		_, err := plane.Admin().CoreV1().Secrets(namespace).Get(ctx, "slack", metav1.GetOptions{})
		return err
	}

	if err := plane.StopAPIServer(); err != nil {
		t.Fatal(err)
	}
	if err := get(t.Context()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("while stopped: got %v, want connection refused", err)
	}
	if err := plane.StartAPIServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := plane.AdminConfig().Host; got != host {
		t.Errorf("after the restart: got %s, want %s", got, host)
	}
	if err := get(t.Context()); err != nil {
		t.Errorf("after the restart: %v", err)
	}

	if err := plane.StopEtcd(); err != nil {
		t.Fatal(err)
	}
	brief, done := context.WithTimeout(t.Context(), 300*time.Millisecond) // the API server waits a minute for etcd
	defer done()
	if err := get(brief); err == nil {
		t.Error("without etcd: got an answer, want none")
	}
	if err := plane.StartEtcd(); err != nil {
		t.Fatal(err)
	}
	for err := get(t.Context()); err != nil; err = get(t.Context()) {
		t.Log("the API server has not found etcd again: ", err)
	}

	for range 2 { // a second pause finds it paused
		if err := plane.PauseAPIServer(); err != nil {
			t.Fatal(err)
		}
	}
	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := get(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while paused: got %v, want no answer", err)
	}
	if err := plane.ResumeAPIServer(); err != nil {
		t.Fatal(err)
	}
	if err := get(t.Context()); err != nil {
		t.Errorf("after the pause: %v", err)
	}
}

// TestAPrivatePlaneForgetsItsPast asks for a version of the past once etcd is compacted and the API server's memory is gone.
func TestAPrivatePlaneForgetsItsPast(t *testing.T) {
	plane := controlplane.StartPrivate(t)
	namespace := plane.Namespace(t)
	secrets := plane.Admin().CoreV1().Secrets(namespace)
	list, err := secrets.List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	createSecret(t, plane.Plane, namespace, "slack")
	past := metav1.ListOptions{ResourceVersion: list.ResourceVersion, ResourceVersionMatch: metav1.ResourceVersionMatchExact}
	if _, err := secrets.List(t.Context(), past); err != nil {
		t.Errorf("before: %v", err)
	}
	if err := errors.Join(plane.CompactEtcd(t.Context()), plane.StopAPIServer(), plane.StartAPIServer(t.Context())); err != nil {
		t.Fatal(err)
	}
	if _, err := secrets.List(t.Context(), past); !apierrors.IsResourceExpired(err) {
		t.Errorf("after: got %v, want an expired version", err)
	}
	requests := plane.Metric(t, "apiserver_request_total", map[string]string{"verb": "LIST", "resource": "secrets", "code": "410"})
	if requests != 1 {
		t.Errorf("the API server counted %v expired LISTs, want 1", requests)
	}
}
