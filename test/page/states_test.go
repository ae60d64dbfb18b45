package page_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// state is one that a sidecar can be in, as its page tells it.
type state struct {
	name    string
	verdict string // the word at the top of the page
	start   func(t *testing.T) *sidecar.Process
	check   func(*tab) // what else must be true; nil: nothing
	picture bool       // of this one the documents have a picture
}

func states() []state {
	return []state{
		{name: "the first refresh runs", verdict: "Starting", start: starting},
		{name: "the first refresh has failed", verdict: "No targets", start: func(t *testing.T) *sidecar.Process {
			return start(t, filepath.Join(t.TempDir(), "nowhere"))
		}},
		{name: "no target", verdict: "Fresh", start: func(t *testing.T) *sidecar.Process {
			return start(t, examples(t), "--label-selector", "publishing-target=another")
		}},
		{name: "six targets", verdict: "Fresh", start: func(t *testing.T) *sidecar.Process { return start(t, examples(t)) }},
		{name: "the list of targets is protected", verdict: "Fresh", start: func(t *testing.T) *sidecar.Process {
			return start(t, examples(t), "--auth", "token", "--auth-token-file", file(t, t.TempDir(), "tokens", "0123456789abcdef0123456789abcdef\n"))
		}},
		{name: "one is invalid, one is kept", verdict: "Fresh, with faults", start: faulty, picture: true},
		{name: "refreshes fail", verdict: "Failing", start: failing},
		{name: "500 targets with long names", verdict: "Fresh, with faults", start: many, check: sortedAndCounted},
	}
}

// start runs a sidecar on manifests.
func start(t *testing.T, manifests string, args ...string) *sidecar.Process {
	t.Helper()
	return sidecar.Start(t, filepath.Join(t.TempDir(), "targets.json"), append([]string{"--manifests", manifests}, args...)...)
}

// starting has an API server that takes connections and answers nothing.
func starting(t *testing.T) *sidecar.Process {
	t.Helper()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	kubeconfig := file(t, t.TempDir(), "kubeconfig", fmt.Sprintf(`{"apiVersion": "v1", "kind": "Config", "current-context": "silent",
"contexts": [{"name": "silent", "context": {"cluster": "silent", "user": "nobody", "namespace": "alert-history"}}],
"clusters": [{"name": "silent", "cluster": {"server": "http://%s"}}], "users": [{"name": "nobody", "user": {}}]}`, silent.Addr()))
	return sidecar.Start(t, filepath.Join(t.TempDir(), "targets.json"), "--kubeconfig", kubeconfig)
}

// examples returns a directory of the six targets of deploy/examples.
func examples(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../deploy/examples")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// faulty has a Secret that broke after it had been published, and one that never yielded a target.
func faulty(t *testing.T) *sidecar.Process {
	t.Helper()
	dir := examples(t)
	p := start(t, dir)
	p.Until("publishes all", func() error {
		if s := p.Status(); s.Valid != 6 {
			return fmt.Errorf("there are %d targets", s.Valid)
		}
		return nil
	})
	file(t, dir, "pagerduty.yaml", manifest(t, "pagerduty-oncall", map[string]string{"type": "pagerduty", "url": "events.pagerduty.com/v2/enqueue"}))
	file(t, dir, "copy.yaml", manifest(t, "slack-copy", map[string]string{"name": "slack-sre", "type": "slack", "url": "https://hooks.slack.com/services/fake"}))
	return p
}

// failing has lost its manifests.
func failing(t *testing.T) *sidecar.Process {
	t.Helper()
	dir := examples(t)
	p := start(t, dir)
	awaitVerdict(p, "Fresh")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	p.Refresh()
	return p
}

// long is a word that offers no place to break a line.
func long(length int) string { return strings.Repeat("x", length) }

// many has more targets and more invalid Secrets than the page lists, with names as long as can be.
func many(t *testing.T) *sidecar.Process {
	t.Helper()
	var all []string
	for i := range 500 {
		all = append(all, manifest(t, fmt.Sprintf("t%03d-%s", i, long(1+i%248)), map[string]string{
			"name": fmt.Sprintf("t%03d-%s", i, long(1+i%58)), "type": "webhook", "format": []string{"webhook", "alertmanager"}[i%2],
			"url": fmt.Sprintf("https://%s.%s.example.com:8443/fake", long(1+i%63), long(1+i%61)),
		}))
	}
	for i := range 120 {
		all = append(all, manifest(t, fmt.Sprintf("broken-%03d-%s", i, long(1+i)), map[string]string{
			"name": "No Name", "type": "no type", "url": "nowhere", "enabled": "perhaps", "format": "none", "headers": "none",
		}))
	}
	program := sidecar.Script(t, "POD_NAME=alert-history-"+long(200)+" exec "+sidecar.Binary(t)+` "$@"`)
	manifests := file(t, t.TempDir(), "all.yaml", strings.Join(all, "\n---\n"))
	return sidecar.StartBinary(t, program, filepath.Join(t.TempDir(), "targets.json"), "--manifests", manifests)
}

// sortedAndCounted has the targets in order, and the number of those that are left out.
func sortedAndCounted(b *tab) {
	names := b.texts("section:last-of-type td .name")
	if len(names) != 200 || !slices.IsSorted(names) {
		b.t.Errorf("got %d names, sorted: %t, want 200 that are sorted", len(names), slices.IsSorted(names))
	}
	if got, want := b.texts("table + p"), []string{"and 20 more", "and 300 more: see the list in full"}; !slices.Equal(got, want) {
		b.t.Errorf("got %q of what is left out, want %q", got, want)
	}
}

// manifest returns a Secret as people write it, with flat keys.
func manifest(t *testing.T, name string, data map[string]string) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Secret", "stringData": data,
		"metadata": map[string]any{"name": name, "namespace": "alert-history", "labels": map[string]string{"publishing-target": "true"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// file writes a file and returns its path.
func file(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// awaitVerdict waits until the page says so.
func awaitVerdict(p *sidecar.Process, verdict string) {
	p.Until("says "+verdict, func() error {
		if code, page := p.Do(http.MethodGet, "/"); !strings.Contains(page, "<strong>"+verdict+"</strong>") {
			return fmt.Errorf("got %d %s", code, page)
		}
		return nil
	})
}
