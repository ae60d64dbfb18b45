package discovery

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

const (
	refreshPath = "/api/v2/publishing/targets/refresh"
	statusPath  = "/api/v2/publishing/targets/status"

	maxAnswer = 1 << 20 // bytes of an answer that are read; the sidecar's longest has less
)

var errNoSidecar = errors.New("no sidecar is configured")

// sidecar is the program beside the app.
type sidecar struct {
	base   *url.URL // nil: there is none
	client *http.Client
	own    *http.Transport // the transport whose connections close ends; nil: the app gave one of its own
	translation
	log *slog.Logger
}

func newSidecar(base *url.URL, transport http.RoundTripper, t translation, log *slog.Logger) *sidecar {
	s := &sidecar{base: base, translation: t, log: log}
	if transport == nil {
		// Not http.DefaultTransport: a proxy of the environment does not reach the app's own pod.
		s.own = &http.Transport{DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext, IdleConnTimeout: time.Minute}
		transport = s.own
	}
	s.client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return s
}

func (s *sidecar) close() {
	if s.own != nil {
		s.own.CloseIdleConnections()
	}
}

// path returns where one of the sidecar's paths is, below that of its URL.
func (s *sidecar) path(path string) string { return strings.TrimSuffix(s.base.Path, "/") + path }

// published says which snapshot the sidecar has put in place.
type published struct {
	Epoch      string
	Generation uint64
}

// answer holds what is read of the sidecar's status and of its errors.
type answer struct {
	Status   string
	Error    string // the code of an error; in a status, why the last refresh failed
	Message  string
	Hint     string
	Snapshot published
	Watch    struct{ Connected bool }
}

// status asks for the status. It reports whether that was answered.
func (s *sidecar) status(ctx context.Context) (status answer, ok bool) {
	code, status, err := s.ask(ctx, http.MethodGet, statusPath, "")
	return status, err == nil && code == http.StatusOK
}

// ask sends a request without a body. The error is of a sidecar that does not answer; what answers and is no sidecar gives an empty answer
// that says so.
func (s *sidecar) ask(ctx context.Context, method, path, query string) (code int, a answer, err error) {
	if s.base == nil {
		return 0, a, errNoSidecar
	}
	address := *s.base
	address.Path, address.RawQuery = s.path(path), query
	request, err := http.NewRequestWithContext(ctx, method, address.String(), http.NoBody)
	if err != nil {
		return 0, a, targetsfile.RedactError(err)
	}
	response, err := s.client.Do(request)
	if err != nil {
		return 0, a, targetsfile.RedactError(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return 0, a, targetsfile.RedactError(err)
	}
	if json.Unmarshal(body, &a) != nil {
		a = answer{Message: "what answers is no sidecar"}
	}
	return response.StatusCode, a, nil
}
