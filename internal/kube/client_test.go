package kube_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/alert-history/refresh-sidecar/internal/kube"
	"github.com/alert-history/refresh-sidecar/internal/source"
)

// Whoever answers a redirect would have the token. (Package kubeauth has the same test for its reviews.)
func TestARedirectIsNotFollowed(t *testing.T) {
	for verb, call := range map[string]func(context.Context, *kube.Source) error{
		"list": func(ctx context.Context, k *kube.Source) error { _, err := k.List(ctx, alertsNamespace); return err },
		"watch": func(ctx context.Context, k *kube.Source) error {
			return k.Watch(ctx, alertsNamespace, "1", func(source.Event) {})
		},
	} {
		for _, code := range []int{http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
			t.Run(fmt.Sprintf("%s %d", verb, code), func(t *testing.T) {
				elsewhere, api := newAPI(t), newAPI(t)
				elsewhere.watch = (*watchStream).open
				api.instead = func(_ int, w http.ResponseWriter, r *http.Request) bool {
					http.Redirect(w, r, elsewhere.URL+r.URL.String(), code)
					return true
				}
				cfg := api.rest()
				cfg.BearerToken = "t0ken"
				e := asError(t, call(t.Context(), newSource(t, kube.Config{REST: cfg})))
				if want := fmt.Sprintf("the server answered %d %s (text/html)", code, http.StatusText(code)); !strings.HasSuffix(e.Error(), want) || e.Permanent {
					t.Errorf("got %v, want a transient one that ends in %q", e, want)
				}
				if got := len(elsewhere.seen()); got != 0 {
					t.Errorf("got %d requests at the other server, want 0", got)
				}
			})
		}
	}
}
