package e2e_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// line is a line of a container's log, with the time at which the container runtime got it.
type line struct {
	at   time.Time
	text string
}

// follow returns the lines of a container's log as they come, beginning with those there are. The channel is closed when the container
// has ended, or the test.
func (p *pod) follow(t *testing.T, container string) <-chan line {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, "kubectl", "--namespace", p.namespace, "logs", "--follow", "--timestamps", podName, "--container", container) // #nosec G204 -- our own
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines, done := make(chan line, 10000), make(chan struct{})
	go func() {
		defer close(done)
		defer close(lines)
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			stamp, text, _ := strings.Cut(scanner.Text(), " ")
			at, err := time.Parse(time.RFC3339Nano, stamp)
			if err != nil {
				text = scanner.Text()
			}
			lines <- line{at, text}
		}
		_ = cmd.Wait() // killed, or not: what it printed counts
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return lines
}

// await returns the first line that has the text.
func await(t *testing.T, lines <-chan line, text string) line {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var seen strings.Builder
	for {
		select {
		case l, ok := <-lines:
			if ok && strings.Contains(l.text, text) {
				return l
			}
			fmt.Fprintln(&seen, l.text)
			if ok {
				continue
			}
		case <-ctx.Done():
		}
		t.Fatalf("no line has %q:\n%s", text, &seen)
	}
}

const followed = `apiVersion: v1
kind: Secret
metadata:
  name: followed
  labels: {publishing-target: "true"}
stringData:
  type: webhook
  url: https://%s.example.com/not-for-the-log
`

// appliedSecretReachesTheApp measures from the moment at which kubectl has returned to the line that the app prints. In a cluster that was
// given, the two times may be of different clocks, and nothing is asserted about them.
func appliedSecretReachesTheApp(t *testing.T, p *pod) {
	lines := p.follow(t, app)
	file := filepath.Join(t.TempDir(), "secret.yaml")
	for _, change := range []struct{ host, line string }{
		{"created", "  + target followed (webhook, https://created.example.com, enabled=true)"},
		{"changed", "  ~ target followed (webhook, https://changed.example.com, enabled=true)"},
	} {
		if err := os.WriteFile(file, fmt.Appendf(nil, followed, change.host), 0o600); err != nil {
			t.Fatal(err)
		}
		p.kubectl(t, "apply", "-f", file)
		applied := time.Now()
		delay := await(t, lines, change.line).at.Sub(applied)
		t.Logf("%s: %v after kubectl apply returned", change.host, delay.Round(time.Millisecond))
		if delay >= time.Second && !p.foreign {
			t.Errorf("a Secret that was %s took %v to reach the app, want less than a second", change.host, delay)
		}
	}
}
