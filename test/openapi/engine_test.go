package openapi_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/alert-history/refresh-sidecar/internal/api"
)

// engine is what the API shows, as each case wants it.
type engine struct {
	refresh func() (api.Run, error)
	status  api.Status
	targets api.Publication
	alive   error
	ready   error
	panics  bool

	authorizer api.Authorizer
	gatherer   prometheus.Gatherer
}

// mayPanic is what the engine's methods begin with.
func (e *engine) mayPanic() {
	if e.panics {
		panic("as the case wants it")
	}
}

// Refresh implements [api.Refresher].
func (e *engine) Refresh(string) (api.Run, error) {
	e.mayPanic()
	return e.refresh()
}

// Status implements [api.StatusSource].
func (e *engine) Status() api.Status {
	e.mayPanic()
	return e.status
}

// Targets implements [api.TargetSource].
func (e *engine) Targets() api.Publication {
	e.mayPanic()
	return e.targets
}

// Alive implements [api.Health].
func (e *engine) Alive() error {
	e.mayPanic()
	return e.alive
}

// Ready implements [api.Health].
func (e *engine) Ready() error {
	e.mayPanic()
	return e.ready
}

// Authorize implements [api.Authorizer]: the token is the outcome.
func (e *engine) Authorize(_ context.Context, c api.Credentials) (string, error) {
	switch c.Token {
	case "good":
		return "alice", nil
	case "forbidden":
		return "bob", api.ErrForbidden
	case "away":
		return "", errors.New("the API server is away")
	}
	return "", api.ErrUnauthenticated
}

// newEngine returns one in which all is well and as much as possible is set.
func newEngine() *engine {
	e := &engine{status: fullStatus(), targets: publication(), gatherer: prometheus.NewRegistry()}
	e.refresh = func() (api.Run, error) { return e.run(nil), nil }
	return e
}

// run is a refresh whose wait ends with the error, or with the status.
func (e *engine) run(err error) api.Run {
	return api.Run{StartedAt: time.Now(), Wait: func(ctx context.Context) (api.Status, error) {
		if errors.Is(err, context.DeadlineExceeded) {
			<-ctx.Done()
		}
		return e.status, err
	}}
}

func (e *engine) refuse(err error) { e.refresh = func() (api.Run, error) { return api.Run{}, err } }

func (e *engine) handler(t *testing.T) http.Handler {
	t.Helper()
	h, err := api.New(api.Config{
		Refresher: e, StatusSource: e, TargetSource: e, Health: e, Authorizer: e.authorizer,
		Gatherer: e.gatherer, Instance: "alert-history-0",
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func fullStatus() api.Status {
	now := api.Time{Time: time.Now()}
	return api.Status{
		State: api.StateFailed, LastRefresh: now, RefreshDurationMS: 18, TargetsDiscovered: 15, TargetsValid: 14, TargetsInvalid: 1,
		NextRefresh: now, Error: "listing alert-history: forbidden", ConsecutiveFailures: 2, ErrorClass: "permanent", Hint: "apply the Role",
		InProgressSince: now, LastAttempt: now, LastTrigger: "watch",
		LastManual: &api.LastManual{RequestID: "req-0", State: api.StateSuccess, StartedAt: now, FinishedAt: now, Error: "none"},
		Snapshot: api.SnapshotInfo{
			Path: "/var/run/publishing-targets/targets.json", Epoch: "0f8c", Generation: 42, Bytes: 5120, ChangedAt: now, StaleAfter: now, Kept: 1,
			Checksum: "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
		},
		Watch:      api.Watch{Enabled: true, Connected: true, Since: now, LastEvent: now},
		Namespaces: []api.Namespace{{Name: "alert-history", Secrets: 15, LastSuccess: now, Error: "forbidden"}},
		Invalid:    []api.InvalidSecret{{Secret: "alert-history/broken", Reason: "validate", Message: "url: bad", Serving: "last_good"}},
	}
}

func publication() api.Publication {
	now := api.Time{Time: time.Now()}
	return api.Publication{Epoch: "0f8c", Generation: 42, ChangedAt: now, Targets: []api.Target{
		{Name: "kept", Type: "webhook", Format: "alertmanager", Host: "https://example.org", Secret: "alert-history/kept", StaleSince: now},
		{
			Name: "slack-prod", Type: "slack", Format: "slack", Enabled: true, Host: "https://hooks.slack.com",
			HeaderNames: []string{"X-Team"}, Secret: "alert-history/slack-prod", ResourceVersion: "4711",
		},
	}}
}
