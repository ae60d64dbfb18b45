//go:build go1.25

package discovery_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile/discovery"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile/targetsfiletest"
)

// sidecar answers by function in the place of a network, which would stop a bubble's clock.
type sidecar func(request string) (code int, body string)

func (s sidecar) RoundTrip(r *http.Request) (*http.Response, error) {
	code, body := s(r.Method + " " + r.URL.RequestURI())
	if code == 0 {
		return nil, errors.New("connection refused")
	}
	return &http.Response{StatusCode: code, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

const (
	refresh = "POST /api/v2/publishing/targets/refresh?wait=30s"
	status  = "GET /api/v2/publishing/targets/status"
)

func TestDiscoverTargetsWithoutAChange(t *testing.T) {
	for _, test := range []struct {
		name    string
		answers map[string]string // code and body by request; %s is the epoch of the file in place
		want    string            // in the error; empty: none
	}{
		{"success", map[string]string{refresh: `200 {"status":"success","snapshot":{"epoch":"%s","generation":1}}`}, ""},
		{"the refresh failed", map[string]string{refresh: `200 {"status":"failed","error":"listing secrets: forbidden","hint":"grant list","snapshot":{"epoch":"%s","generation":1}}`},
			"listing secrets: forbidden; grant list"},
		{"refused, and a watch follows", map[string]string{refresh: `429 {"error":"rate_limited"}`,
			status: `200 {"status":"success","snapshot":{"epoch":"%s","generation":1},"watch":{"connected":true}}`}, ""},
		{"refused, and no watch", map[string]string{refresh: `429 {"error":"rate_limited","message":"next in 45 s"}`,
			status: `200 {"status":"success","snapshot":{"epoch":"%s","generation":1},"watch":{"connected":false}}`}, "429 rate_limited: next in 45 s"},
		{"refused, and the refresh before has failed", map[string]string{refresh: `503 {"error":"too_many_waiters"}`,
			status: `200 {"status":"failed","error":"disk full","snapshot":{"epoch":"%s","generation":1},"watch":{"connected":true}}`}, "disk full"},
		{"no end in time", map[string]string{refresh: `504 {"error":"wait_timeout","message":"it goes on"}`}, "504 wait_timeout: it goes on"},
		{"nothing was published yet", map[string]string{refresh: `429 {"error":"rate_limited","message":"next in 45 s"}`,
			status: `200 {"status":"idle","error":null,"snapshot":{"epoch":null,"generation":0},"watch":{"connected":true}}`}, "429 rate_limited: next in 45 s"},
		{"not allowed", map[string]string{refresh: `401 {"error":"unauthenticated","message":"needs a token"}`}, "401 unauthenticated"},
		{"something else answers", map[string]string{refresh: `200 <html>`}, "no sidecar"},
		{"nobody answers", nil, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "targets.json")
				targetsfiletest.WriteSnapshot(t, path, hook("a"))
				var d *discovery.Discovery[string]
				d = open(t, discovery.Config[string]{Path: path, Sidecar: "http://sidecar", Transport: sidecar(func(request string) (code int, body string) {
					answer := strings.ReplaceAll(test.answers[request], "%s", d.Reader().Snapshot().Epoch())
					_, _ = fmt.Sscan(answer, &code)
					_, body, _ = strings.Cut(answer, " ")
					return code, body
				})})
				begun := time.Now()
				err := d.DiscoverTargets(t.Context())
				if (err != nil) != (test.want != "") || err != nil && !strings.Contains(err.Error(), test.want) {
					t.Errorf("got error %v, want %q", err, test.want)
				}
				if took := time.Since(begun); took != 0 {
					t.Errorf("took %s, want no wait", took)
				}
				if got := d.ListTargets(); !slices.Equal(got, []string{"a"}) {
					t.Errorf("got %v, want the target all the same", got)
				}
			})
		})
	}
}

// The sidecar's answer comes before the reader has seen the file.
func TestDiscoverTargetsWaitsUntilLookupsKnow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		writer := targetsfiletest.NewWriter(t, filepath.Join(t.TempDir(), "targets.json"))
		writer.Publish(hook("a"))
		var d *discovery.Discovery[string]
		d = open(t, discovery.Config[string]{Path: writer.Path(), Sidecar: "http://sidecar/", Transport: sidecar(func(string) (int, string) {
			generation := writer.Publish(hook("a"), hook("b"))
			return http.StatusOK, fmt.Sprintf(`{"status":"success","snapshot":{"epoch":%q,"generation":%d}}`, d.Reader().Snapshot().Epoch(), generation)
		})})
		if err := d.DiscoverTargets(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := d.ListTargets(); !slices.Equal(got, []string{"a", "b"}) || d.GetTargetCount() != 2 {
			t.Errorf("got %v, want both", got)
		}
	})
}

// The sidecar loses its file between its answer and the app's look at it, and puts it back in another epoch.
func TestDiscoverTargetsGoesOnInAnotherEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		writer := targetsfiletest.NewWriter(t, filepath.Join(t.TempDir(), "targets.json"))
		writer.Publish(hook("a"))
		d := open(t, discovery.Config[string]{Path: writer.Path(), Sidecar: "http://sidecar", Transport: sidecar(func(request string) (int, string) {
			epoch, generation := "gone", uint64(7)
			if request == refresh {
				writer.NewEpoch()
				writer.Publish(hook("b"))
			} else if last, err := targetsfile.ReadFile(writer.Path()); err == nil {
				epoch, generation = last.Epoch, last.Generation
			}
			return http.StatusOK, fmt.Sprintf(`{"status":"success","snapshot":{"epoch":%q,"generation":%d}}`, epoch, generation)
		})})
		begun := time.Now()
		if err := d.DiscoverTargets(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, took := d.ListTargets(), time.Since(begun); !slices.Equal(got, []string{"b"}) || took > 10*time.Second {
			t.Errorf("got %v after %s, want b within 10 s", got, took)
		}
	})
}

// An app that mounts the file by itself, or another one, or none, never sees what the sidecar publishes.
func TestDiscoverTargetsSaysThatTheFileDoesNotArrive(t *testing.T) {
	for name, want := range map[string]string{"targets.json": "snapshot of 1 targets, generation 1", "missing.json": "no snapshot"} {
		synctest.Test(t, func(t *testing.T) {
			dir := t.TempDir()
			targetsfiletest.WriteSnapshot(t, filepath.Join(dir, "targets.json"), hook("a"))
			d := open(t, discovery.Config[string]{Path: filepath.Join(dir, name), Sidecar: "http://sidecar", Transport: sidecar(func(string) (int, string) {
				return http.StatusOK, `{"status":"success","snapshot":{"epoch":"another","generation":7}}`
			})})
			err := d.DiscoverTargets(t.Context())
			if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "published generation 7, and the app's path has "+want) {
				t.Errorf("got %v, want that generation 7 does not arrive, and %q", err, want)
			}
		})
	}
}

func TestDiscoverTargetsWithNeitherSidecarNorFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, url := range []string{"", "http://sidecar"} {
			d := open(t, discovery.Config[string]{Path: filepath.Join(t.TempDir(), "targets.json"), Sidecar: url,
				Transport: sidecar(func(string) (int, string) { return 0, "" })})
			if err := d.DiscoverTargets(t.Context()); !errors.Is(err, targetsfile.ErrNotReady) {
				t.Errorf("%q: got %v, want ErrNotReady", url, err)
			}
			ended, cancel := context.WithCancel(t.Context())
			cancel()
			if err := d.DiscoverTargets(ended); !errors.Is(err, context.Canceled) {
				t.Errorf("%q: got %v, want that it was cancelled", url, err)
			}
		}
	})
}
