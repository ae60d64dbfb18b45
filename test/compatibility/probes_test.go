package compatibility_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/kubernetes"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
)

const (
	// silence is longer than a sidecar waits for a sign of life.
	silence = 200 * time.Second
	// promptly is long for an event that is to come at once, and short for one that is not to come.
	promptly = 5 * time.Second
)

// bookmark says whether a watch of a quiet resource gets a sign of life before a sidecar calls it quiet. Each has a control plane of its own,
// where nobody else makes Secrets.
func bookmark(t *testing.T, flags ...string) string {
	secrets := newSecrets(t, controlplane.StartPrivate(t, flags...).Plane)
	makeSecret(t, secrets, "a")
	began := time.Now()
	e, came := next(openWatch(t, secrets, metav1.ListOptions{ResourceVersion: versionOf(t, secrets), AllowWatchBookmarks: true}), silence)
	if !came {
		return "none"
	}
	t.Logf("%s after %s", e.Type, time.Since(began).Round(time.Second))
	return "within " + map[bool]string{true: "2", false: "3"}[time.Since(began) < 125*time.Second] + " min"
}

// watchList says whether the server sends what is there as the beginning of a watch.
func watchList(t *testing.T) string {
	secrets := newSecrets(t, controlplane.Get(t))
	makeSecret(t, secrets, "a")
	yes := true
	w, err := secrets.Watch(t.Context(), metav1.ListOptions{SendInitialEvents: &yes, AllowWatchBookmarks: true,
		ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan})
	if status, ok := errors.AsType[*apierrors.StatusError](err); ok {
		return fmt.Sprintf("refused, %d", status.Status().Code)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	if e, came := next(w, promptly); !came || e.Type != watch.Added {
		t.Fatalf("got %v, %v; want the Secret", e.Type, came)
	}
	return "served"
}

// listedFrom says where a LIST that must be up to date is read from.
func listedFrom(t *testing.T, limit int64) string {
	plane := controlplane.Get(t)
	secrets := newSecrets(t, plane)
	makeSecret(t, secrets, "a")
	before := etcdLists(t, plane)
	const times = 20 // others may list now and then
	for range times {
		if _, err := secrets.List(t.Context(), metav1.ListOptions{Limit: limit}); err != nil {
			t.Fatal(err)
		}
	}
	switch asked := etcdLists(t, plane) - before; {
	case asked >= times:
		return "etcd"
	case asked < times/4:
		return "watch cache"
	default:
		t.Fatalf("got %v requests to etcd for %d LISTs", asked, times)
		return ""
	}
}

// etcdLists is how often the API server has asked etcd for a list of Secrets.
func etcdLists(t *testing.T, plane *controlplane.Plane) float64 {
	t.Helper()
	metrics := plane.Metrics(t)
	count := func(operations ...string) (sum float64) {
		for _, operation := range operations {
			for _, label := range []string{"type", "resource"} { // the older name and the newer one
				sum += metrics.Sum("etcd_requests_total", map[string]string{"operation": operation, label: "secrets"})
			}
		}
		return sum
	}
	if count("create") == 0 {
		t.Fatal("the API server does not count its requests to etcd as expected")
	}
	return count("list", "listStream")
}

// futureWatch says what a watch hears that is opened at a version which the server has yet to reach.
func futureWatch(t *testing.T) string {
	secrets := newSecrets(t, controlplane.Get(t))
	version := versionOf(t, secrets) + "000"
	w := openWatch(t, secrets, metav1.ListOptions{ResourceVersion: version, AllowWatchBookmarks: true})
	makeSecret(t, secrets, "a")
	if e, came := next(w, promptly); came {
		return strings.ToLower(string(e.Type))
	}
	return "accepted, hears nothing"
}

func nativeSidecar(t *testing.T) string {
	plane := controlplane.Get(t)
	always := corev1.ContainerRestartPolicyAlways
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "a"}, Spec: corev1.PodSpec{
		InitContainers: []corev1.Container{{Name: "sidecar", Image: "sidecar", RestartPolicy: &always}},
		Containers:     []corev1.Container{{Name: "app", Image: "app"}},
	}}
	pod, err := plane.Admin().CoreV1().Pods(plane.Namespace(t)).Create(t.Context(), pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	switch {
	case err != nil:
		t.Fatal(err)
	case pod.Spec.InitContainers[0].RestartPolicy == nil:
		return "no: the field is dropped"
	}
	return "yes"
}

func mutatingAdmissionPolicy(t *testing.T) string {
	_, lists, err := controlplane.Get(t).Admin().Discovery().ServerGroupsAndResources()
	if err != nil && !discovery.IsGroupDiscoveryFailedError(err) {
		t.Fatal(err)
	}
	var versions []string
	for _, list := range lists {
		for _, resource := range list.APIResources {
			if resource.Kind == "MutatingAdmissionPolicy" && !strings.Contains(resource.Name, "/") {
				versions = append(versions, strings.TrimPrefix(list.GroupVersion, "admissionregistration.k8s.io/"))
			}
		}
	}
	if len(versions) == 0 {
		return "not served"
	}
	return strings.Join(versions, ", ")
}

// tokenLeeway says how long a token is accepted after its end.
func tokenLeeway(t *testing.T) string {
	plane := controlplane.Get(t)
	token := plane.ServiceAccountToken(t, plane.Namespace(t), "a")
	leeway := "refused at once"
	for _, since := range []time.Duration{time.Second, 9 * time.Second, 11 * time.Second, 59 * time.Second, 61 * time.Second} {
		config := plane.AdminConfig()
		config.BearerToken = plane.Expired(t, token, since)
		client, err := kubernetes.NewForConfig(config)
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.AuthenticationV1().SelfSubjectReviews().Create(t.Context(), &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
		switch {
		case err == nil:
			leeway = fmt.Sprintf("accepted for %s", since)
		case !apierrors.IsUnauthorized(err):
			t.Fatal(err)
		}
	}
	return leeway
}

// newSecrets returns the Secrets of a namespace of the test's own.
func newSecrets(t *testing.T, plane *controlplane.Plane) typedcorev1.SecretInterface {
	t.Helper()
	return plane.Admin().CoreV1().Secrets(plane.Namespace(t))
}

func makeSecret(t *testing.T, secrets typedcorev1.SecretInterface, name string) {
	t.Helper()
	if _, err := secrets.Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// versionOf is the newest version of the Secrets.
func versionOf(t *testing.T, secrets typedcorev1.SecretInterface) string {
	t.Helper()
	list, err := secrets.List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return list.ResourceVersion
}

// openWatch opens a watch that ends with the test.
func openWatch(t *testing.T, secrets typedcorev1.SecretInterface, options metav1.ListOptions) watch.Interface {
	t.Helper()
	w, err := secrets.Watch(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	return w
}

// next waits that long for an event: the absence of one takes a time to see.
func next(w watch.Interface, within time.Duration) (e watch.Event, came bool) {
	select {
	case e, came = <-w.ResultChan():
		return e, came
	case <-time.After(within):
		return e, false
	}
}
