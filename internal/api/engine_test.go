package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/alert-history/refresh-sidecar/internal/api"
	"github.com/alert-history/refresh-sidecar/internal/source"
	targetsync "github.com/alert-history/refresh-sidecar/internal/sync"
	"github.com/alert-history/refresh-sidecar/internal/writer"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// slowSource has one Secret. A LIST reads it when it begins and answers ten seconds later.
type slowSource struct {
	mu    sync.Mutex
	url   string // the URL of the Secret's target
	lists int
}

// List implements [targetsync.Source].
func (s *slowSource) List(ctx context.Context, namespace string) (source.Listing, error) {
	s.mu.Lock()
	s.lists++
	version := fmt.Sprint(s.lists)
	entry, err := targetsfile.NewEntry(targetsfile.Target{
		Name: "a", Type: "webhook", PayloadFormat: "webhook", URL: s.url, Secret: namespace + "/a", SecretUID: "uid-a",
	})
	s.mu.Unlock()
	select {
	case <-time.After(10 * time.Second):
	case <-ctx.Done():
		err = ctx.Err()
	}
	return source.Listing{Namespace: namespace, ResourceVersion: version, Secrets: []source.Secret{
		{Key: namespace + "/a", UID: "uid-a", ResourceVersion: version, Entry: entry},
	}}, err
}

func (s *slowSource) set(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.url = url
}

// withEngine runs a test in a bubble, with a handler before a real engine that has published once.
func withEngine(t *testing.T, test func(t *testing.T, h *harness, engine *targetsync.DefaultRefreshManager, s *slowSource)) {
	synctest.Test(t, func(t *testing.T) {
		s := &slowSource{url: "https://old.example.com"}
		path := filepath.Join(t.TempDir(), "targets.json")
		engine, err := targetsync.New(targetsync.Config{
			Source: s, Publisher: writer.New(path, 0o600), Namespaces: []string{"alert-history"},
			Interval: time.Hour, Timeout: time.Minute, RetryBackoff: []time.Duration{time.Minute}, StartupBackoff: []time.Duration{time.Minute},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := engine.Start(); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := engine.Stop(time.Minute); err != nil {
				t.Errorf("stopping: %v", err)
			}
		}()
		h := newHarnessWith(t, func(c *api.Config) { c.Engine, c.SnapshotPath = engine, path })
		time.Sleep(11 * time.Second)
		synctest.Wait()
		test(t, h, engine, s)
	})
}

// TestWaitTellsOfWhatChangedBeforeTheCall asks while a LIST runs that has read what was there before: its end would say success, and
// nothing of the change.
func TestWaitTellsOfWhatChangedBeforeTheCall(t *testing.T) {
	withEngine(t, func(t *testing.T, h *harness, engine *targetsync.DefaultRefreshManager, s *slowSource) {
		if w := h.do(post("")); w.Code != http.StatusAccepted {
			t.Fatalf("got %d %s, want 202", w.Code, w.Body)
		}
		synctest.Wait()
		s.set("https://new.example.com")
		begun := time.Now()
		var callers sync.WaitGroup
		for range 3 {
			callers.Go(func() {
				w := h.do(postWait("1m"))
				if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"status":"success"`) {
					t.Errorf("got %d %s, want a success", w.Code, w.Body)
				}
				if took := time.Since(begun); took != 20*time.Second {
					t.Errorf("got the answer after %s, want the rest of the running refresh and the one that follows: 20s", took)
				}
				if got := engine.Published().Document.Entries[0].URL; got != "https://new.example.com" {
					t.Errorf("got %s published with the answer, want the change", got)
				}
			})
		}
		callers.Wait()
		if s.lists != 3 {
			t.Errorf("got %d LISTs, want those of the start, of the call that did not wait, and one for all that did", s.lists)
		}
		audit := outcomes(h.log.take(t))
		slices.Sort(audit)
		if diff := cmp.Diff([]string{"accepted", "accepted", "joined", "joined"}, audit); diff != "" {
			t.Errorf("audit (-want +got):\n%s", diff)
		}
	})
}

// TestAnEngineThatStopsIsTold has a caller wait for a refresh that Stop cancels.
func TestAnEngineThatStopsIsTold(t *testing.T) {
	withEngine(t, func(t *testing.T, h *harness, engine *targetsync.DefaultRefreshManager, _ *slowSource) {
		if w := h.do(get("/readyz")); w.Code != http.StatusOK {
			t.Errorf("got %d %s, want ready", w.Code, w.Body)
		}
		waited := make(chan string, 2)
		for range cap(waited) {
			go func() { waited <- h.do(postWait("1m")).Body.String() }()
			synctest.Wait()
		}
		stopped := make(chan error)
		go func() { stopped <- engine.Stop(5 * time.Second) }()
		synctest.Wait()
		for request, want := range map[*http.Request]string{
			get("/readyz"):  `"error":"shutting_down","message":"shutting down"`,
			get("/healthz"): `"status":"ok"`,
			post(""):        `"error":"shutting_down","message":"Shutting down"`,
			postWait("10s"): `"error":"shutting_down","message":"Shutting down"`,
		} {
			if w := h.do(request); !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s: got %d %s, want %s", request.URL, w.Code, w.Body, want)
			}
		}
		if err := <-stopped; !errors.Is(err, targetsync.ErrShutdownTimeout) {
			t.Errorf("got %v, want ErrShutdownTimeout", err)
		}
		for range cap(waited) {
			if got := <-waited; !strings.Contains(got, `"error":"shutting_down"`) {
				t.Errorf("got %s for one who waits, want shutting_down", got)
			}
		}
		time.Sleep(time.Hour) // in which nobody gives a heartbeat
		if w := h.do(get("/healthz")); w.Code != http.StatusOK {
			t.Errorf("got %d %s an hour after Stop, want alive", w.Code, w.Body)
		}
	})
}
