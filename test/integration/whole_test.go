package integration_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// delivery is what the webhook has got.
type delivery struct{ path, authorization, body string }

// startWebhook serves what targets point to.
func startWebhook(t *testing.T) (base string, deliveries <-chan delivery) {
	t.Helper()
	got := make(chan delivery, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got <- delivery{r.URL.Path, r.Header.Get("Authorization"), string(body)}
	}))
	t.Cleanup(server.Close)
	return server.URL, got
}

// secrets are those of a namespace on a real API server.
type secrets struct {
	t *testing.T
	typedcorev1.SecretInterface
}

func (s secrets) put(name string, data map[string]string) {
	s.t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"publishing-target": "true"}}, StringData: data}
	_, err := s.Create(s.t.Context(), secret, metav1.CreateOptions{})
	if err != nil {
		_, err = s.Update(s.t.Context(), secret, metav1.UpdateOptions{})
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s secrets) delete(name string) {
	s.t.Helper()
	if err := s.Delete(s.t.Context(), name, metav1.DeleteOptions{}); err != nil {
		s.t.Fatal(err)
	}
}

// From a Secret on a real API server, over the real sidecar, its file and the app, to a webhook.
func TestTheWholeWay(t *testing.T) {
	plane := controlplane.Get(t)
	namespace, user := plane.Namespace(t), plane.User(t)
	plane.Grant(t, user, namespace, sidecar.ExampleRole(t).Rules[0].Verbs...)
	secrets := secrets{t, plane.Admin().CoreV1().Secrets(namespace)}
	webhook, deliveries := startWebhook(t)

	path := filepath.Join(t.TempDir(), "targets.json")
	running := sidecar.Start(t, path, "--kubeconfig", plane.WriteKubeconfig(t, user, namespace))
	app := startApp(t, path, running.URL)

	mode := func(mode string, count int) {
		t.Helper()
		app.until("is in mode "+mode, func() bool {
			_, body := app.do(http.MethodGet, api, "", nil)
			return strings.Contains(body, `"mode":"`+mode+`"`) && strings.Count(body, `"name":`) == count
		})
		t.Logf("the app has %d targets, mode %s", count, mode)
	}
	publish := func(want ...delivery) {
		t.Helper()
		const alert = `{"alerts":[{"status":"firing"}]}`
		if response, body := app.do(http.MethodPost, "/webhook", alert, nil); response.StatusCode != http.StatusOK {
			t.Fatalf("got %d %s, want that the alert is taken", response.StatusCode, body)
		}
		for _, want := range want {
			want.body = alert
			select {
			case got := <-deliveries:
				if got != want {
					t.Errorf("got %+v, want %+v", got, want)
				}
				t.Logf("the webhook has got an alert at %s, Authorization: %s", got.path, got.authorization)
			default:
				t.Errorf("got no alert, want %+v", want)
			}
		}
		select {
		case got := <-deliveries:
			t.Errorf("got %+v, want no more", got)
		default:
		}
	}

	t.Log("no Secret: the app starts all the same")
	mode("metrics_only", 0)
	publish()

	t.Log("a Secret")
	secrets.put("team-a", map[string]string{"type": "webhook", "url": webhook + "/first", "auth_token": "token-of-team-a"})
	mode("publishing", 1)
	publish(delivery{path: "/first", authorization: "Bearer token-of-team-a"})

	t.Log("another one")
	secrets.put("team-b", map[string]string{"type": "webhook", "url": webhook + "/b"})
	mode("publishing", 2)
	publish(delivery{path: "/first", authorization: "Bearer token-of-team-a"}, delivery{path: "/b"})

	t.Log("an edit of the first, and a refresh through the app")
	secrets.put("team-a", map[string]string{"type": "webhook", "url": webhook + "/second", "auth_token": "another-token"})
	response, body := app.do(http.MethodPost, api+"/refresh?wait=30s", "", http.Header{"X-Role": {"admin"}})
	if response.StatusCode != http.StatusOK {
		t.Errorf("refresh: got %d %s, want 200", response.StatusCode, body)
	}
	app.until("has the edit", func() bool { return generation(t, app) >= running.Document().Generation })
	publish(delivery{path: "/second", authorization: "Bearer another-token"}, delivery{path: "/b"})

	t.Log("a deletion")
	secrets.delete("team-b")
	mode("publishing", 1)
	publish(delivery{path: "/second", authorization: "Bearer another-token"})

	t.Log("no Secret any more")
	secrets.delete("team-a")
	mode("metrics_only", 0)
	publish()

	t.Log("and back")
	secrets.put("team-a", map[string]string{"type": "webhook", "url": webhook + "/third", "auth_token": "a-third-token"})
	mode("publishing", 1)
	publish(delivery{path: "/third", authorization: "Bearer a-third-token"})
}
