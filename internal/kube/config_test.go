package kube_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/flowcontrol"

	"github.com/alert-history/refresh-sidecar/internal/kube"
)

func TestNewNamesAllFaults(t *testing.T) {
	for _, tt := range []struct {
		name   string
		config kube.Config
		want   []string
	}{
		{"nothing", kube.Config{}, []string{"address of the API server", "label selector: must not be empty"}},
		{"localhost is not meant", kube.Config{REST: &rest.Config{}, LabelSelector: "a"}, []string{"address of the API server"}},
		{"two faults", kube.Config{LabelSelector: "a=("}, []string{"address of the API server", `label selector: "a=("`}},
		{"every Secret", kube.Config{REST: &rest.Config{Host: "https://a"}, LabelSelector: " "},
			[]string{"label selector: must not be empty"}},
		{"no CA file", kube.Config{LabelSelector: "a",
			REST: &rest.Config{Host: "https://a", TLSClientConfig: rest.TLSClientConfig{CAFile: "/nowhere"}}},
			[]string{"preparing the connection to https://a", "/nowhere"}},
		{"no URL", kube.Config{REST: &rest.Config{Host: "https://a b"}, LabelSelector: "a"},
			[]string{"the address of the API server is neither a URL nor host:port"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := kube.New(tt.config)
			if err == nil {
				t.Fatal("got no error")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want it to say %q", err, want)
				}
			}
		})
	}
}

func TestNewLeavesTheCallersConfigAlone(t *testing.T) {
	api := newTLSAPI(t)
	cfg := api.rest()
	want := rest.CopyConfig(cfg)
	if _, err := newSource(t, kube.Config{REST: cfg}).List(t.Context(), alertsNamespace); err != nil {
		t.Fatal(err)
	}
	if cfg.WrapTransport != nil {
		t.Error("got a wrapped transport in the caller's config")
	}
	if diff := cmp.Diff(want.String(), cfg.String()); diff != "" {
		t.Errorf("the caller's config changed (-want +got):\n%s", diff)
	}
	if got := api.seen()[0].UserAgent(); got != "refresh-sidecar" {
		t.Errorf("got user agent %q, want refresh-sidecar", got)
	}
}

// What a caller's configuration says of limits and warnings does not reach the client.
func TestClientHasNoLimitsOfItsOwn(t *testing.T) {
	api := newAPI(t, targetSecrets(1_001)...)
	api.instead = func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Warning", `299 - "this is old"`)
		return false
	}
	cfg := api.rest()
	cfg.Timeout = time.Nanosecond
	cfg.QPS, cfg.Burst, cfg.RateLimiter = 0.001, 1, flowcontrol.NewFakeNeverRateLimiter()
	warnings := &recorder{}
	cfg.WarningHandler = warnings
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // a rate limit that cannot be met in time fails at once
	defer cancel()
	listing, err := newSource(t, kube.Config{REST: cfg}).List(ctx, alertsNamespace)
	if err != nil {
		t.Fatal(err)
	}
	wantEach(t, listing, api.secrets)
	if warnings.count != 0 {
		t.Errorf("got %d warnings printed, want 0", warnings.count)
	}
}

type recorder struct{ count int }

func (r *recorder) HandleWarningHeader(int, string, string) { r.count++ }
