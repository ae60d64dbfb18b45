package api_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/alert-history/refresh-sidecar/internal/api"
)

func TestProbeAnswers(t *testing.T) {
	checkAnswers(t, []answerCase{
		{
			name:    "liveness",
			request: get("/healthz"),
			code:    200,
			body:    `{"status":"ok","instance":"alert-history-0"}`,
		},
		{
			name:    "liveness is lost",
			engine:  func(e *fakeEngine) { e.alive = errors.New("no heartbeat for 1m2s") },
			request: get("/healthz"),
			code:    503,
			body:    `{"error":"not_alive","message":"no heartbeat for 1m2s","request_id":"req-1","instance":"alert-history-0"}`,
		},
		{
			name:    "readiness",
			request: get("/readyz"),
			code:    200,
			body:    `{"status":"ready","instance":"alert-history-0"}`,
		},
		{
			name:    "not ready yet",
			engine:  func(e *fakeEngine) { e.ready = errors.New("no snapshot yet") },
			request: get("/readyz"),
			code:    503,
			body:    `{"error":"not_ready","message":"no snapshot yet","request_id":"req-1","instance":"alert-history-0"}`,
		},
		{
			name:    "not ready any more",
			engine:  func(e *fakeEngine) { e.ready = fmt.Errorf("SIGTERM: %w", api.ErrShuttingDown) },
			request: get("/readyz"),
			code:    503,
			body:    `{"error":"shutting_down","message":"SIGTERM: shutting down","request_id":"req-1","instance":"alert-history-0"}`,
		},
	})
}
