package controlplane_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
)

func TestMain(m *testing.M) {
	controlplane.Main(m)
}

func TestASecretIsCreatedAndListed(t *testing.T) {
	plane := controlplane.Get(t)
	namespace := plane.Namespace(t)
	createSecret(t, plane, namespace, "slack")
	list, err := plane.Admin().CoreV1().Secrets(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(list.Items) != 1 || list.Items[0].Name != "slack" {
		t.Errorf("got %v, want the one Secret slack", list.Items)
	}
}

func TestAGrantIsForItsNamespaceAndVerbs(t *testing.T) {
	plane := controlplane.Get(t)
	here, elsewhere := plane.Namespace(t), plane.Namespace(t)
	user := plane.User(t)
	secrets := clientOf(t, plane.Config(user)).CoreV1()
	list := func(namespace string) error {
		_, err := secrets.Secrets(namespace).List(t.Context(), metav1.ListOptions{})
		return err
	}
	wantForbidden := func(what string, err error) {
		t.Helper()
		if !apierrors.IsForbidden(err) {
			t.Errorf("%s: got %v, want forbidden", what, err)
		}
	}
	wantForbidden("list before the grant", list(here))

	plane.Grant(t, user, here, "list")
	if err := list(here); err != nil {
		t.Errorf("list after the grant: %v", err)
	}
	wantForbidden("list elsewhere", list(elsewhere))
	wantForbidden("list in all namespaces", list(""))
	_, err := secrets.Secrets(here).Get(t.Context(), "slack", metav1.GetOptions{})
	wantForbidden("get", err)

	plane.Grant(t, user, here, "get")
	wantForbidden("list after a grant of get alone", list(here))
	plane.Grant(t, user, here, "list")
	plane.Revoke(t, user, here)
	wantForbidden("list after it was revoked", list(here))
}

func TestEachUserIsGivenToOneTest(t *testing.T) {
	plane := controlplane.Get(t)
	one, other := plane.User(t), plane.User(t)
	if one == other {
		t.Errorf("got %s twice, want two users", one.Name)
	}
}

func TestAKubeconfigIsOfItsUserAndNamespace(t *testing.T) {
	plane := controlplane.Get(t)
	user := plane.User(t)
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		&clientcmd.ClientConfigLoadingRules{ExplicitPath: plane.WriteKubeconfig(t, user, "alerts")}, nil)
	namespace, _, err := loader.Namespace()
	if err != nil || namespace != "alerts" {
		t.Errorf("got namespace %q and %v, want alerts", namespace, err)
	}
	config, err := loader.ClientConfig()
	if err != nil {
		t.Fatal(err)
	}
	review, err := clientOf(t, config).AuthenticationV1().SelfSubjectReviews().
		Create(t.Context(), &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got := review.Status.UserInfo.Username; got != user.Name {
		t.Errorf("got user %q, want %q", got, user.Name)
	}
}

func TestANamespaceIsGoneAfterItsTest(t *testing.T) {
	plane := controlplane.Get(t)
	var namespace string
	t.Run("user", func(t *testing.T) {
		namespace = plane.Namespace(t)
		createSecret(t, plane, namespace, "slack")
		plane.Grant(t, plane.User(t), namespace, "list", "watch")
	})
	_, err := plane.Admin().CoreV1().Namespaces().Get(t.Context(), namespace, metav1.GetOptions{})
	if !apierrors.IsNotFound(err) {
		t.Errorf("namespace: got %v, want not found", err)
	}
	list, err := plane.Admin().CoreV1().Secrets(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(list.Items) != 0 {
		t.Errorf("Secrets: got %d and %v, want none", len(list.Items), err)
	}
}

func TestShortSkipsWithTheReason(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.short", "-test.v", "-test.run=^TestASecretIsCreatedAndListed$")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "needs real programs, which are built once in minutes; run it without -short") {
		t.Errorf("got %v and %s, want a skip with its reason", err, out)
	}
}

func createSecret(t *testing.T, plane *controlplane.Plane, namespace, name string) {
	t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if _, err := plane.Admin().CoreV1().Secrets(namespace).Create(t.Context(), secret, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// clientOf needs no closing: its connections are those of the plane's own clients, which share client-go's transport.
func clientOf(t *testing.T, config *rest.Config) kubernetes.Interface {
	t.Helper()
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}
