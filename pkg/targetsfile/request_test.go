package targetsfile_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

func TestNewRequestCarriesURLHeadersAndBody(t *testing.T) {
	got := make(chan *http.Request, 1)
	server := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || string(body) != "{}" {
			t.Errorf("got body %q and error %v, want {}", body, err)
		}
		got <- r
	})
	x := targetsfile.Target{Name: "a", URL: server.URL + "/in?a=1&b=2",
		Headers: map[string]string{"x-team": "sre", "Authorization": "Token token=1", "host": "hooks.example"}}
	request, err := x.NewRequest(t.Context(), http.MethodPut, strings.NewReader("{}"))
	check(t, err)
	response, err := server.Client().Do(request)
	check(t, err, response.Body.Close())
	r := <-got
	if r.Method != http.MethodPut || r.RequestURI != "/in?a=1&b=2" || r.Host != "hooks.example" ||
		r.Header.Get("X-Team") != "sre" || r.Header.Get("Authorization") != "Token token=1" || r.ContentLength != 2 {
		t.Errorf("got %s %s for %s with %v, want what the target says", r.Method, r.RequestURI, r.Host, r.Header)
	}
	if x.Headers["host"] != "hooks.example" || len(x.Headers) != 3 {
		t.Error("the target's headers were changed")
	}
}

func TestNewRequestHasTheCallersContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	request, err := target("a").NewRequest(ctx, http.MethodPost, nil)
	check(t, err)
	_, err = http.DefaultClient.Do(request) //nolint:bodyclose // there is no answer
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}
