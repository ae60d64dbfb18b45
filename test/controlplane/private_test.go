package controlplane_test

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"time"

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
