package openapi_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/alert-history/refresh-sidecar/internal/api"
	targetsync "github.com/alert-history/refresh-sidecar/internal/sync"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// engine is what the API shows, as each case wants it.
type engine struct {
	refresh   func() (*targetsync.Run, error)
	asked     chan struct{} // one element per time that a refresh without an end was asked for
	status    targetsync.RefreshStatus
	published *targetsync.Published
	heartbeat time.Duration // how long ago the last one was
	panics    bool          // when it is asked for anything
	unwritten bool          // whoever answers panics, before anything is written
	probes    bool          // nothing but the probes is served

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
func (e *engine) Refresh(string) (*targetsync.Run, error) {
	e.mayPanic()
	return e.refresh()
}

// RefreshAfter implements [api.Refresher].
func (e *engine) RefreshAfter(id string) (*targetsync.Run, bool, error) {
	run, err := e.Refresh(id)
	return run, err == nil, err
}

// GetStatus implements [api.StatusSource].
func (e *engine) GetStatus() targetsync.RefreshStatus {
	e.mayPanic()
	return e.status
}

// SinceHeartbeat implements [api.StatusSource].
func (e *engine) SinceHeartbeat() time.Duration {
	e.mayPanic()
	return e.heartbeat
}

// Published implements [api.TargetSource].
func (e *engine) Published() *targetsync.Published {
	e.mayPanic()
	return e.published
}

// Authorize implements [api.Authorizer]: the token is the outcome.
func (e *engine) Authorize(_ context.Context, c api.Credentials) (string, error) {
	switch c.Token {
	case "good":
		return "alice", nil
	case "forbidden":
		return "bob", api.ErrForbidden
	case "many":
		return "", api.ErrTooManyUnknown
	case "away":
		return "", errors.New("the API server is away")
	}
	return "", api.ErrUnauthenticated
}

// newEngine returns one in which all is well and as much as possible is set.
func newEngine(t *testing.T) *engine {
	t.Helper()
	e := &engine{asked: make(chan struct{}, 100), status: fullStatus(), published: publication(t), gatherer: prometheus.DefaultGatherer}
	e.refresh = func() (*targetsync.Run, error) {
		run, end := targetsync.NewRun("req-0", time.Now())
		end(e.status, nil)
		return run, nil
	}
	return e
}

func (e *engine) refuse(err error) {
	e.refresh = func() (*targetsync.Run, error) { return nil, err }
}

func (e *engine) handler(t *testing.T) http.Handler {
	t.Helper()
	const instance = "alert-history-0"
	var h http.Handler
	var err error
	if e.probes {
		h, err = api.NewProbes(e, instance, zerolog.Nop())
	} else {
		h, err = api.New(api.Config{
			Engine: e, SnapshotPath: "/var/run/publishing-targets/targets.json", Authorizer: e.authorizer, Gatherer: e.gatherer, Instance: instance,
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	if !e.unwritten {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(&flakyWriter{ResponseWriter: w}, r) })
}

// flakyWriter panics when it is asked for its header the second time: nothing else in an answer that is a constant can go wrong.
type flakyWriter struct {
	http.ResponseWriter
	asked int
}

// Header implements [http.ResponseWriter].
func (w *flakyWriter) Header() http.Header {
	if w.asked++; w.asked == 2 {
		panic("as the case wants it")
	}
	return w.ResponseWriter.Header()
}

// serve answers on a free port of the loopback interface until the test ends, and returns the URL.
func (e *engine) serve(t *testing.T) string {
	t.Helper()
	server, err := api.NewServer(api.ServerConfig{Address: "127.0.0.1:0", Handler: e.handler(t)})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- server.Serve() }()
	t.Cleanup(func() {
		// Not t.Context(), which has ended by now.
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := errors.Join(server.Shutdown(ctx), <-served); err != nil {
			t.Errorf("shutting down: %v", err)
		}
	})
	return "http://" + server.Addr().String()
}

func fullStatus() targetsync.RefreshStatus {
	now := time.Now()
	return targetsync.RefreshStatus{
		State: targetsync.StateFailed, LastRefresh: now, Duration: 18 * time.Millisecond, Discovered: 15, Valid: 14, Invalid: 1,
		NextRefresh: now, Error: "listing alert-history: forbidden", ConsecutiveFailures: 2, ErrorClass: targetsync.ClassPermanent,
		Hint: "apply the Role", InProgressSince: now, LastAttempt: now, LastTrigger: targetsync.TriggerWatch,
		LastManual: targetsync.ManualRefresh{RequestID: "req-0", State: targetsync.StateSuccess, StartedAt: now, FinishedAt: now, Error: "none"},
		Ready:      true,
		Snapshot: targetsync.SnapshotStatus{
			Epoch: "0f8c", Generation: 42, Bytes: 5120, ChangedAt: now, StaleAfter: now, Kept: 1,
			Checksum: "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
		},
		Watch:      targetsync.WatchStatus{Enabled: true, Connected: true, Since: now, LastEvent: now},
		Namespaces: []targetsync.NamespaceStatus{{Name: "alert-history", Secrets: 15, LastSuccess: now, Error: "forbidden"}},
		Rejections: []targetsfile.Rejection{{Secret: "alert-history/broken", Reason: "validate", Message: "url: bad", Serving: "last_good"}},
	}
}

func publication(t *testing.T) *targetsync.Published {
	t.Helper()
	now := time.Now()
	p := &targetsync.Published{
		Document: &targetsfile.Document{Epoch: "0f8c", Generation: 42, ChangedAt: now}, Versions: []string{"", "4711"},
	}
	for _, target := range []targetsfile.Target{
		{Name: "kept", Type: "webhook", PayloadFormat: "alertmanager", URL: "https://example.org", Secret: "alert-history/kept", StaleSince: now},
		{
			Name: "slack-prod", Type: "slack", PayloadFormat: "slack", Enabled: true, URL: "https://hooks.slack.com/services",
			Headers: map[string]string{"X-Team": "sre"}, Secret: "alert-history/slack-prod",
		},
	} {
		entry, err := targetsfile.NewEntry(target)
		if err != nil {
			t.Fatal(err)
		}
		p.Document.Entries = append(p.Document.Entries, entry)
	}
	return p
}
