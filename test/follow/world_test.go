package follow_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
)

// world is a namespace, and a user who may do there what deploy/pod-example.yaml grants.
type world struct {
	t         testing.TB
	plane     *controlplane.Plane
	namespace string
	user      controlplane.User
}

func newWorld(t testing.TB, plane *controlplane.Plane) *world {
	t.Helper()
	w := &world{t: t, plane: plane, namespace: plane.Namespace(t), user: plane.User(t)}
	plane.Grant(t, w.user, w.namespace, "list", "watch")
	return w
}

// elsewhere is the same world in another namespace, where the user has these rights.
func (w *world) elsewhere(verbs ...string) *world {
	w.t.Helper()
	other := *w
	other.namespace = w.plane.Namespace(w.t)
	w.plane.Grant(w.t, w.user, other.namespace, verbs...)
	return &other
}

// in is the same world in a part of its test.
func (w *world) in(t testing.TB) *world {
	part := *w
	part.t = t
	return &part
}

func (w *world) secrets() typedcorev1.SecretInterface {
	return w.plane.Admin().CoreV1().Secrets(w.namespace)
}

// webhook makes or changes a Secret so that it yields a target of the same name.
func (w *world) webhook(secret string, edit int) {
	w.t.Helper()
	w.put(secret, secret, edit)
}

// webhooks makes Secrets so that they yield targets of the same names, with edit 1.
func (w *world) webhooks(secrets ...string) {
	w.t.Helper()
	for _, secret := range secrets {
		w.webhook(secret, 1)
	}
}

// put makes or changes a Secret so that it yields a target whose URL ends in the number of the edit.
func (w *world) put(secret, target string, edit int) {
	w.t.Helper()
	w.must(w.tryPut(secret, map[string]string{"name": target, "type": "webhook", "url": editURL(edit)}))
}

func editURL(edit int) string { return fmt.Sprintf("https://example.com/%d", edit) }

// spoil changes a Secret so that it yields no target.
func (w *world) spoil(secret string) {
	w.t.Helper()
	w.must(w.tryPut(secret, map[string]string{"type": "webhook", "url": "example"}))
}

func (w *world) tryPut(name string, data map[string]string) error {
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"publishing-target": "true"}},
		Data:       map[string][]byte{},
	}
	for key, value := range data {
		secret.Data[key] = []byte(value)
	}
	_, err := w.secrets().Update(w.t.Context(), secret, metav1.UpdateOptions{})
	if apierrors.IsNotFound(err) {
		_, err = w.secrets().Create(w.t.Context(), secret, metav1.CreateOptions{})
	}
	return err
}

func (w *world) tryLabel(secret, value string) error {
	patch := fmt.Sprintf(`{"metadata":{"labels":{"publishing-target":%q}}}`, value)
	_, err := w.secrets().Patch(w.t.Context(), secret, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	return err
}

// label sets the value of the label by which Secrets are selected: those whose value is true.
func (w *world) label(secret, value string) {
	w.t.Helper()
	w.must(w.tryLabel(secret, value))
}

func (w *world) delete(secret string) {
	w.t.Helper()
	w.must(w.secrets().Delete(w.t.Context(), secret, metav1.DeleteOptions{}))
}

func (w *world) must(errs ...error) {
	w.t.Helper()
	if err := errors.Join(errs...); err != nil {
		w.t.Fatal(err)
	}
}

// manyWebhooks makes Secrets s-0, s-1, … with targets of the same names, all with edit 0.
func (w *world) manyWebhooks(count int) {
	w.t.Helper()
	var creating errgroup.Group
	creating.SetLimit(8)
	for i := range count {
		creating.Go(func() error {
			return w.tryPut(nth(i), map[string]string{"type": "webhook", "url": editURL(0),
				"headers": "X-Team=sre", "auth_token": strings.Repeat("t0", 20)})
		})
	}
	w.must(creating.Wait())
}

func nth(i int) string { return fmt.Sprintf("s-%d", i) }
