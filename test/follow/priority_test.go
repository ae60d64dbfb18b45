package follow_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	targetsync "github.com/alert-history/refresh-sidecar/internal/sync"
	"github.com/alert-history/refresh-sidecar/test/controlplane"
)

// starve has API Priority and Fairness refuse what the world's user asks of Secrets: a level that has no share and no queue, which serves one
// request at a time, and somebody else whose request does not end.
func (w *world) starve() (feed func()) {
	w.t.Helper()
	other := w.plane.User(w.t)
	w.plane.Grant(w.t, other, w.namespace, "create")
	api, ctx, none, one := w.plane.Admin().FlowcontrolV1(), w.t.Context(), int32(0), int32(1)
	name := metav1.ObjectMeta{Name: w.namespace}
	level := &flowcontrolv1.PriorityLevelConfiguration{
		ObjectMeta: name,
		Spec: flowcontrolv1.PriorityLevelConfigurationSpec{
			Type: flowcontrolv1.PriorityLevelEnablementLimited,
			Limited: &flowcontrolv1.LimitedPriorityLevelConfiguration{
				NominalConcurrencyShares: &none, BorrowingLimitPercent: &none,
				LimitResponse: flowcontrolv1.LimitResponse{Type: flowcontrolv1.LimitResponseTypeReject},
			},
		},
	}
	seats := 1
	_, err := api.PriorityLevelConfigurations().Create(ctx, level, metav1.CreateOptions{})
	if apierrors.IsInvalid(err) { // 1.29 has no level without shares; one of the 246 there are is 2.4 of its 600 requests at a time
		level.Spec.Limited.NominalConcurrencyShares, seats = &one, 3
		_, err = api.PriorityLevelConfigurations().Create(ctx, level, metav1.CreateOptions{})
	}
	w.must(err)
	_, err = api.FlowSchemas().Create(ctx, &flowcontrolv1.FlowSchema{
		ObjectMeta: name,
		Spec: flowcontrolv1.FlowSchemaSpec{
			PriorityLevelConfiguration: flowcontrolv1.PriorityLevelConfigurationReference{Name: w.namespace},
			MatchingPrecedence:         2, // the first there may be
			Rules: []flowcontrolv1.PolicyRulesWithSubjects{{
				Subjects: []flowcontrolv1.Subject{
					{Kind: flowcontrolv1.SubjectKindUser, User: &flowcontrolv1.UserSubject{Name: w.user.Name}},
					{Kind: flowcontrolv1.SubjectKindUser, User: &flowcontrolv1.UserSubject{Name: other.Name}},
				},
				ResourceRules: []flowcontrolv1.ResourcePolicyRule{{
					Verbs: []string{"*"}, APIGroups: []string{""}, Resources: []string{"secrets"}, Namespaces: []string{"*"},
				}},
			}},
		},
	}, metav1.CreateOptions{})
	w.must(err)
	for range seats {
		w.occupy(other)
	}
	return func() {
		w.must(api.FlowSchemas().Delete(ctx, w.namespace, metav1.DeleteOptions{}),
			api.PriorityLevelConfigurations().Delete(ctx, w.namespace, metav1.DeleteOptions{}))
	}
}

// occupy has a user send requests that do not end before the API server gives up on them, one after the other until the test ends.
func (w *world) occupy(user controlplane.User) {
	w.t.Helper()
	config := ownConnections(w.t, w.plane.Config(user))
	client, err := rest.HTTPClientFor(config)
	w.must(err)
	ctx, cancel := context.WithCancel(w.t.Context())
	var sending sync.WaitGroup
	sending.Go(func() {
		for ctx.Err() == nil {
			body, unfinished := io.Pipe()
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, config.Host+"/api/v1/namespaces/"+w.namespace+"/secrets", body)
			if err != nil {
				w.t.Error(err)
				return
			}
			if resp, err := client.Do(req); err == nil {
				_ = resp.Body.Close()
			}
			_ = unfinished.Close()
		}
	})
	w.t.Cleanup(func() {
		cancel()
		sending.Wait()
	})
}

// untilAnswered asks for Secrets as the world's user until the API server answers with a status, and returns that answer.
func (w *world) untilAnswered(e *engine, status int) (header http.Header, body string) {
	w.t.Helper()
	config := ownConnections(w.t, w.plane.Config(w.user))
	client, err := rest.HTTPClientFor(config)
	w.must(err)
	e.until("is answered otherwise", func() error {
		resp, err := client.Get(config.Host + "/api/v1/namespaces/" + w.namespace + "/secrets?limit=1")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if header, body = resp.Header, string(text); resp.StatusCode != status {
			err = errors.New(resp.Status)
		}
		return err
	})
	return header, body
}

// TestPriorityAndFairnessRefuses has the API server refuse LISTs and WATCHes with 429 because others go first.
func TestPriorityAndFairnessRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, controlplane.Get(t))
	w.webhooks("a", "b")
	network := w.newNetwork()
	e := w.follow(over(network), func(s *setup) {
		s.keeps = []string{"a", "b"}
		s.RetryBackoff, s.MaxRetries = []time.Duration{10 * time.Millisecond}, 1_000 // what the server wants is longer
	})
	feed := w.starve()
	header, body := w.untilAnswered(e, http.StatusTooManyRequests)
	t.Logf("429 with Retry-After %q, Content-Type %q: %q", header.Get("Retry-After"), header.Get("Content-Type"), body)
	e.told("Priority and Fairness answers 429, the watch is open", e.late(w, "a"))

	_, err := e.manager.Refresh("")
	w.must(err)
	began, lists := time.Now(), e.requests.lists.Load()
	network.Cut()
	e.untilStatus("notices", disconnected)
	network.Mend()
	e.untilStatus("says what is wrong", func(s targetsync.RefreshStatus) bool {
		return s.State == targetsync.StateFailed && s.ErrorClass == targetsync.ClassTransient && strings.Contains(s.Error, "429 Too Many Requests") &&
			strings.Contains(s.Hint, "flowschemas") && strings.Contains(s.Watch.Error, "429 Too Many Requests")
	})
	before := e.published()
	w.webhook("b", 2) // which nothing tells
	e.untilStatus("fails again and again", func(s targetsync.RefreshStatus) bool { return s.ConsecutiveFailures >= 4 })
	w.must(differ(before, e.published()))
	if got, most := e.requests.lists.Load()-lists, 2+int64(time.Since(began)/time.Second); got > most {
		t.Errorf("got %d LISTs in %s although Retry-After asked for a second between them, want at most %d", got, time.Since(began), most)
	}
	feed()
	w.untilAnswered(e, http.StatusOK)
	e.told("Priority and Fairness lets it in again", e.late(w, "a"))
	e.untilStatus("is well again", func(s targetsync.RefreshStatus) bool { return connected(s) && s.State == targetsync.StateSuccess })
}
