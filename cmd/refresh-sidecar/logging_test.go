package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"k8s.io/klog/v2"
)

func TestOneInTenDebugLinesIsKeptAndAllOthersAre(t *testing.T) {
	var out bytes.Buffer
	log := newLogger(logging{level: zerolog.DebugLevel}, &out)
	for range 5000 {
		log.Debug().Msg("debug line")
		log.Info().Msg("info line")
		log.Error().Msg("error line")
	}
	for message, bounds := range map[string][2]int{"debug line": {350, 650}, "info line": {5000, 5000}, "error line": {5000, 5000}} {
		if got := strings.Count(out.String(), message); got < bounds[0] || got > bounds[1] {
			t.Errorf("%s: got %d of 5000, want between %d and %d", message, got, bounds[0], bounds[1])
		}
	}
}

func TestClientGoLogsThroughTheLoggerAndNeverBodies(t *testing.T) {
	var out bytes.Buffer
	newLogger(logging{level: zerolog.TraceLevel}, &out)
	klog.Background().Info("a line of client-go")
	for v := klog.Level(1); v <= 10; v++ {
		if klog.Background().V(int(v)).Enabled() || klog.V(v).Enabled() {
			t.Errorf("V(%d) is enabled: from V(8) on client-go logs response bodies", v)
		}
		klog.Background().V(int(v)).Info("Response Body", "body", "canary-secret-value")
	}
	klog.Flush()
	if !strings.Contains(out.String(), `"component":"client-go"`) || !strings.Contains(out.String(), "a line of client-go") {
		t.Errorf("client-go's line is missing in %s", out.String())
	}
	if strings.Contains(out.String(), "canary-secret-value") {
		t.Error("a response body was logged")
	}
	expectEachKeyOnce(t, out.String())
}

// TestTheWebServersLinesHaveEachKeyOnce: what exporter-toolkit logs has a time of its own.
func TestTheWebServersLinesHaveEachKeyOnce(t *testing.T) {
	config := filepath.Join(t.TempDir(), "web.yml")
	if err := os.WriteFile(config, []byte("http_server_config: {http2: false}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := newProgram(t)
	p.start("--web-config-file", config) // its end looks at every line
	p.until("logs a line of the web server", func() error {
		if !strings.Contains(p.logs.String(), "TLS is disabled") {
			return errors.New("no line says so")
		}
		return nil
	})
}
