package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile/targetsfiletest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func hook(name, url string) targetsfile.Target {
	return targetsfile.Target{Name: name, Type: "webhook", URL: url, Enabled: true}
}

func TestAppPrintsEachChange(t *testing.T) {
	w := targetsfiletest.NewWriter(t, filepath.Join(t.TempDir(), "targets.json"))
	ctx, cancel := context.WithCancel(t.Context())
	out, printed := io.Pipe()
	result := make(chan error, 1)
	path := w.Path()
	go func() {
		result <- run(ctx, path, printed, io.Discard)
		printed.Close()
	}()
	lines := bufio.NewScanner(out)
	for _, test := range []struct {
		name    string
		publish func()
		want    []string
	}{
		{"before the first", func() {}, []string{"waiting for targets"}},
		{"two targets", func() { w.Publish(hook("a", "https://a.example/secret"), hook("b", "https://b.example/secret")) }, []string{
			"generation 1, 2 targets",
			"  + target a (webhook, https://a.example, enabled=true)",
			"  + target b (webhook, https://b.example, enabled=true)",
		}},
		{"one of each", func() { w.Publish(hook("b", "https://c.example/secret"), hook("d", "https://d.example/secret")) }, []string{
			"generation 2, 2 targets",
			"  + target d (webhook, https://d.example, enabled=true)",
			"  - target a (webhook, https://a.example, enabled=true)",
			"  ~ target b (webhook, https://c.example, enabled=true)",
		}},
	} {
		test.publish()
		for _, want := range test.want {
			if !lines.Scan() || lines.Text() != want {
				t.Fatalf("%s: got %q, want %q", test.name, lines.Text(), want)
			}
		}
	}
	cancel()
	if err := <-result; err != nil {
		t.Errorf("got %v, want no error", err)
	}
}

func TestAppEndsWithoutASnapshot(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := run(ctx, filepath.Join(t.TempDir(), "targets.json"), io.Discard, io.Discard)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was cancelled", err)
	}
}
