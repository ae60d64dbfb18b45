package discovery_test

import (
	"log/slog"
	"testing"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile/discovery"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile/internal/leak"
)

func TestMain(m *testing.M) { leak.VerifyTestMain(m) }

func hook(name string) targetsfile.Target {
	return targetsfile.Target{Name: name, Type: "webhook", URL: "https://example.com/" + name}
}

// open opens a discovery of names that polls, as testing/synctest needs it.
func open(t *testing.T, c discovery.Config[string]) *discovery.Discovery[string] {
	t.Helper()
	c.Convert = func(target targetsfile.Target) (string, error) { return target.Name, nil }
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Options = []targetsfile.Option{targetsfile.WithoutWatch()}
	d, err := discovery.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}
