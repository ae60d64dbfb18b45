package kube_test

import (
	"io"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	kruntime "k8s.io/apimachinery/pkg/runtime"
)

// heapInUse is the number of bytes that are reachable.
func heapInUse() int64 {
	runtime.GC()
	runtime.GC() // the first one may have run into the sweep of another
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func requestedLimits(api *secretAPI) []string {
	var all []string
	for _, r := range api.seen() {
		all = append(all, r.URL.Query().Get("limit"))
	}
	return all
}

// endless writes until the client hangs up.
func endless(w io.Writer) {
	piece := []byte(strings.Repeat("\x00", 64<<10))
	for {
		if _, err := w.Write(piece); err != nil {
			return
		}
	}
}

// huge announces more than the cap and sends until the client hangs up.
func huge(w http.ResponseWriter) {
	w.Header().Set("Content-Type", kruntime.ContentTypeProtobuf)
	w.Header().Set("Content-Length", strconv.Itoa(8<<20+1))
	endless(w)
}

func TestPageOverTheCapIsReadInSmallPages(t *testing.T) {
	api := newAPI(t, targetSecrets(10)...)
	api.instead = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Get("limit") == "4" {
			return false
		}
		huge(w)
		return true
	}
	listing, err := api.source(t).List(t.Context(), alertsNamespace)
	if err != nil {
		t.Fatal(err)
	}
	wantEach(t, listing, api.secrets)
	if got, want := requestedLimits(api), []string{"500", "50", "4", "4", "4"}; !slices.Equal(got, want) {
		t.Errorf("got limits %q, want %q", got, want)
	}
	if got, want := requestedTokens(api), []string{"", "", "", "4", "8"}; !slices.Equal(got, want) {
		t.Errorf("got continue tokens %q, want %q", got, want)
	}
}

func TestLaterPageOverTheCapIsReadInSmallPages(t *testing.T) {
	secrets := targetSecrets(600)
	api := newAPI(t, secrets...)
	api.instead = func(n int, w http.ResponseWriter, _ *http.Request) bool {
		if n == 2 {
			huge(w)
		}
		return n == 2
	}
	listing, err := api.source(t).List(t.Context(), alertsNamespace)
	if err != nil {
		t.Fatal(err)
	}
	wantEach(t, listing, secrets)
	if got, want := requestedTokens(api), []string{"", "500", "500", "550"}; !slices.Equal(got, want) {
		t.Errorf("got continue tokens %q, want %q", got, want)
	}
}

// The length of this answer is not announced.
func TestRealSecretsOverTheCap(t *testing.T) {
	secrets := targetSecrets(9)
	ballast := []byte(strings.Repeat("x", 1<<20-1024)) // with the target almost 1 MiB, the largest Secret there is
	for i := range secrets {
		secrets[i].Data["ballast"] = ballast
	}
	api := newTLSAPI(t, secrets...)
	listing, err := api.source(t).List(t.Context(), alertsNamespace)
	if err != nil {
		t.Fatal(err)
	}
	wantEach(t, listing, secrets)
	if got, want := requestedLimits(api), []string{"500", "50", "4", "4", "4"}; !slices.Equal(got, want) {
		t.Errorf("got limits %q, want %q", got, want)
	}
}

func TestSmallPageOverTheCapFails(t *testing.T) {
	api := newAPI(t)
	api.instead = func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		huge(w)
		return true
	}
	_, err := api.source(t).List(t.Context(), alertsNamespace)
	wantTransient(t, err, "a page of 4 Secrets is larger than 8 MiB")
	if got, want := requestedLimits(api), []string{"500", "50", "4"}; !slices.Equal(got, want) {
		t.Errorf("got limits %q, want %q", got, want)
	}
}

func TestEndlessErrorIsCutShort(t *testing.T) {
	api := newAPI(t)
	api.instead = func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(http.StatusBadGateway)
		endless(w)
		return true
	}
	_, err := api.source(t).List(t.Context(), alertsNamespace)
	wantTransient(t, err, "the server answered 502 Bad Gateway (text/plain)")
	if got := len(api.seen()); got != 1 {
		t.Errorf("got %d requests, want 1", got)
	}
}
