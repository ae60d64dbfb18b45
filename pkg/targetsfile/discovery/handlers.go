package discovery

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// codeUnavailable is the code of the handlers' own error.
const codeUnavailable = "sidecar_unavailable"

// RefreshHandler passes a POST on to the sidecar's refresh, from whatever path it is mounted at. The query, the body, Authorization and
// X-Request-ID arrive as the caller sent them. Where the sidecar does not answer, it answers 503 "sidecar_unavailable".
//
// Who may call is for the app to decide, in front of the handler. A server with a WriteTimeout needs more than the longest ?wait= that
// callers use.
func (d *Discovery[T]) RefreshHandler() http.Handler { return d.sidecar.passOn(refreshPath) }

// StatusHandler passes a GET on to the sidecar's status, as [Discovery.RefreshHandler] does.
func (d *Discovery[T]) StatusHandler() http.Handler { return d.sidecar.passOn(statusPath) }

func (s *sidecar) passOn(path string) http.Handler {
	if s.base == nil {
		return http.HandlerFunc(s.answerUnavailable)
	}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(s.base)
			r.Out.URL.Path, r.Out.URL.RawPath = s.path(path), ""
			r.SetXForwarded()
			translateOrigin(r)
		},
		Transport:      s.client.Transport,
		ModifyResponse: s.translate,
		ErrorLog:       slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if r.Context().Err() == nil { // otherwise the caller has gone
				s.log.Warn("the sidecar does not answer, targets are served all the same",
					slog.String("path", path), slog.Any("error", targetsfile.RedactError(err)))
			}
			s.answerUnavailable(w, r)
		},
	}
}

// translateOrigin makes a page of the app's own origin one of the sidecar's, and every other page one of no origin. The sidecar refuses a
// browser's refresh for a page of another site, and knows a site by the host that it is called by, which is not the app's.
func translateOrigin(r *httputil.ProxyRequest) {
	given := r.In.Header.Get("Origin")
	if given == "" {
		return
	}
	r.Out.Header.Set("Origin", "null")
	if origin, err := url.Parse(given); err == nil && origin.Host != "" && origin.Host == r.In.Host {
		r.Out.Header.Set("Origin", r.Out.URL.Scheme+"://"+r.Out.URL.Host)
	}
}

func (s *sidecar) answerUnavailable(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusServiceUnavailable)
	body, _ := json.Marshal(map[string]string{ // strings never fail
		"error": s.code(codeUnavailable), "message": "The refresh sidecar does not answer",
	})
	_, _ = io.WriteString(w, string(body)+"\n")
}
