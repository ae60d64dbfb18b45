package api_test

import (
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/alert-history/refresh-sidecar/internal/api"
)

func TestNewReportsAllMissingFieldsAtOnce(t *testing.T) {
	_, err := api.New(api.Config{})
	if err == nil {
		t.Fatal("got no error for an empty Config")
	}
	for _, field := range []string{"Refresher", "StatusSource", "TargetSource", "Health", "Gatherer", "Instance"} {
		if want := "api: Config." + field + " is required"; !strings.Contains(err.Error(), want) {
			t.Errorf("got %q, want %q in it", err, want)
		}
	}
}

func TestNewReportsMetricsThatAreTaken(t *testing.T) {
	h := newHarness(t)
	if _, err := api.New(h.config()); err == nil || !strings.HasPrefix(err.Error(), "registering the request metrics: ") {
		t.Errorf("got %v for a second handler on one registry, want an error", err)
	}
}

func TestZeroRegistererAndLoggerWork(t *testing.T) {
	h := newHarnessWith(t, func(c *api.Config) { c.Registerer, c.Logger = nil, zerolog.Logger{} })
	if w := h.do(post("")); w.Code != 202 {
		t.Errorf("got code %d, want 202", w.Code)
	}
}

func TestDebugShowsEveryRequest(t *testing.T) {
	h := newHarnessWith(t, func(c *api.Config) { c.Logger = c.Logger.Level(zerolog.DebugLevel) })
	h.do(get("/hunter2"))
	text := h.log.takeText()
	for _, want := range []string{
		`"level":"debug"`, `"request_id":"req-1"`, `"method":"GET"`, `"path":"other"`, `"code":404`, `"duration_ms":`, `"message":"request answered"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("got %s, want %s in it", text, want)
		}
	}
	if strings.Contains(text, "hunter2") {
		t.Errorf("got the caller's path in the log: %s", text)
	}
}

func TestErrorsDescribeThemselves(t *testing.T) {
	for want, err := range map[string]error{
		"a refresh is running since 2026-01-02T10:30:45.123Z": &api.InProgressError{Run: run()},
		"the next refresh is allowed in 45s":                  &api.RateLimitedError{RetryAfter: 45e9},
	} {
		if err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
	}
}
