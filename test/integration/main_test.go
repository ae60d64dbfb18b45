package integration_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/internal/child"
	"github.com/alert-history/refresh-sidecar/test/internal/loopback"
)

const (
	root = "../.."
	api  = "/api/v2/publishing/targets"
)

// appDir is where the app is built, once for all tests.
var appDir string

func TestMain(m *testing.M) {
	var err error
	if appDir, err = os.MkdirTemp("", "integration-test"); err != nil {
		panic(err)
	}
	controlplane.Main(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(appDir)
		os.Exit(code)
	}))
}

var buildApp = sync.OnceValues(func() (string, error) {
	path := filepath.Join(appDir, "app")
	cmd := exec.Command("go", "build", "-race", "-o", path, "./examples/integration") // #nosec G204 -- our own arguments
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the app: %w\n%s", err, out)
	}
	return path, nil
})

// app is examples/integration, running.
type app struct {
	t   *testing.T
	url string
}

// startApp runs the app beside a sidecar until the test ends, and returns when it answers.
func startApp(t *testing.T, path, sidecarURL string) *app {
	t.Helper()
	binary, err := buildApp()
	if err != nil {
		t.Fatal(err)
	}
	address := loopback.Address(t)
	process, err := child.Start(child.Spec{Path: binary, Args: []string{"-listen", address, path, sidecarURL}, Log: filepath.Join(t.TempDir(), "log")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		<-process.Done()
		if err := process.Exit(); err != nil {
			t.Error(err)
		}
	})
	a := &app{t: t, url: "http://" + address}
	a.until("answers", func() bool {
		select {
		case <-process.Done():
			t.Fatalf("the app ended: %v", process.Exit())
		default:
		}
		response, err := http.Get(a.url + api)
		if err == nil {
			_ = response.Body.Close()
		}
		return err == nil
	})
	return a
}

// do sends a request and returns the answer with its body read.
func (a *app) do(method, path, body string, header http.Header) (*http.Response, string) {
	a.t.Helper()
	request, err := http.NewRequestWithContext(a.t.Context(), method, a.url+path, bytes.NewBufferString(body))
	if err != nil {
		a.t.Fatal(err)
	}
	request.Header, request.Close = header.Clone(), true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		a.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	return response, string(content)
}

// until waits for the app to come to a state.
func (a *app) until(what string, holds func() bool) {
	a.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			_, list := a.do(http.MethodGet, api, "", nil)
			a.t.Fatalf("waited 30 s until the app %s; it has %s", what, list)
		}
	}
}

// generation returns the number of the snapshot that the app has, from the metrics of its reader.
func generation(t *testing.T, a *app) (number uint64) {
	t.Helper()
	_, page := a.do(http.MethodGet, "/metrics", "", nil)
	_, value, _ := strings.Cut(page, "\ntargetsfile_generation ")
	if _, err := fmt.Sscan(value, &number); err != nil {
		t.Fatalf("%v in %s", err, page)
	}
	return number
}
