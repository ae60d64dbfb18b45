package api_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/alert-history/refresh-sidecar/internal/api"
	targetsync "github.com/alert-history/refresh-sidecar/internal/sync"
)

func TestPagesOfOtherSitesRefreshNothing(t *testing.T) {
	const evil, own = "https://evil.example", "http://sidecar.example:8095"
	for name, tt := range map[string]struct {
		headers map[string]string
		code    int
	}{
		"no browser":                        {nil, 202},
		"its own page":                      {map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": own}, 202},
		"its own page, an old browser":      {map[string]string{"Origin": own}, 202},
		"a person who types the address":    {map[string]string{"Sec-Fetch-Site": "none"}, 202},
		"another site":                      {map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": evil}, 403},
		"another port of the same machine":  {map[string]string{"Sec-Fetch-Site": "same-site", "Origin": "http://sidecar.example"}, 403},
		"another site, an old browser":      {map[string]string{"Origin": evil}, 403},
		"a page without an address":         {map[string]string{"Origin": "null"}, 403},
		"a form that says it was navigated": {map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 403},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			asked := false
			h.refresh = func(string) (*targetsync.Run, error) { asked = true; return run(), nil }
			r := post("")
			r.Host = "sidecar.example:8095"
			for name, value := range tt.headers {
				r.Header.Set(name, value)
			}
			w := h.do(r)
			if w.Code != tt.code || asked != (tt.code == 202) {
				t.Errorf("got %d %s, refreshed: %t; want %d", w.Code, w.Body, asked, tt.code)
			}
			const refusal = `{"error":"cross_origin","message":"A page of another site may not ask for this","request_id":"req-1","instance":"alert-history-0"}` + "\n"
			if tt.code == 403 && w.Body.String() != refusal {
				t.Errorf("got %s, want %s", w.Body, refusal)
			}
			if got := outcomes(h.log.take(t)); len(got) != 1 || tt.code == 403 && got[0] != "cross_origin" {
				t.Errorf("got audit %v, want one line", got)
			}
		})
	}
}

func TestPagesOfOtherSitesMayLink(t *testing.T) {
	h := newHarness(t)
	r := get("/")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if w := h.do(r); w.Code != http.StatusOK {
		t.Errorf("got %d, want the page for who follows a link", w.Code)
	}
}

func TestAListenerOnLoopbackRefusesForeignNames(t *testing.T) {
	profiling := serve(t, api.ServerConfig{Handler: api.NewProfiling()})
	h := newHarness(t)
	main := serve(t, api.ServerConfig{Handler: h.handler})
	for host, code := range map[string]int{
		"localhost": 200, "localhost:8095": 200, "LOCALHOST:1": 200, "sidecar.localhost": 200,
		"127.0.0.1": 200, "127.0.0.1:8095": 200, "[::1]": 200, "[::1]:8095": 200, "192.0.2.1:8095": 200,
		"evil.example": 403, "evil.example:8095": 403, "localhost.evil.example": 403, "127.0.0.1.evil.example:8095": 403, "notlocalhost": 403,
	} {
		for path, server := range map[string]*testServer{targetsPath: main, "/": main, "/metrics": main, "/debug/pprof/cmdline": profiling} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+server.Addr().String()+path, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = host
			response, err := server.client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if response.StatusCode != code {
				t.Errorf("%s%s: got %d, want %d", host, path, response.StatusCode, code)
			}
		}
	}
	if got := requestCounts(t, h)["GET other 403"]; got != 15 {
		t.Errorf("got %v refusals counted, want 15", got)
	}
}

// TestAListenerForAllAnswersToAnyName is what a Service and an ingress need.
func TestAListenerForAllAnswersToAnyName(t *testing.T) {
	server, err := api.NewServer(api.ServerConfig{Address: ":0", Handler: newHarness(t).handler})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve() }()
	defer func() {
		if err := server.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
		<-served
	}()
	_, port, _ := strings.Cut(server.Addr().String(), "]:")
	r := httptest.NewRequest(http.MethodGet, "http://"+net.JoinHostPort("127.0.0.1", port)+"/healthz", http.NoBody)
	r.RequestURI, r.Host, r.Close = "", "sidecar.example", true
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("got %d, want 200", response.StatusCode)
	}
}
