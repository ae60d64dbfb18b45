package torture_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/test/internal/loopback"
)

// victim is a sidecar that is started only to be killed, on a port that stays the same.
type victim struct {
	t       testing.TB
	args    []string
	address string
	log     *os.File
}

func newVictim(t testing.TB, args ...string) *victim {
	t.Helper()
	log, err := os.OpenFile(filepath.Join(t.TempDir(), "log"), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	v := &victim{t: t, address: loopback.Address(t), log: log}
	v.args = append(args, "--listen-address", v.address)
	return v
}

// killAfter starts the program, and kills it at that instant of its life, or after it listened, in the middle of whatever it is doing.
func (v *victim) killAfter(d time.Duration, listening bool) {
	v.t.Helper()
	before := v.starts()
	cmd := exec.Command(releaseBinary(v.t), v.args...) // #nosec G204 -- the program under test
	cmd.Stderr = v.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		v.t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); listening && v.starts() == before && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	timer := time.NewTimer(d)
	<-timer.C
	if err := cmd.Process.Kill(); err != nil {
		v.t.Fatal(err)
	}
	err := cmd.Wait()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		v.t.Fatalf("the sidecar ended by itself: %v\n%s", err, v.read())
	}
}

// starts returns how often the program has begun to listen.
func (v *victim) starts() int { return strings.Count(v.read(), `"message":"started"`) }

func (v *victim) read() string {
	data, err := os.ReadFile(v.log.Name())
	if err != nil {
		v.t.Fatal(err)
	}
	return string(data)
}

// press asks for a refresh all the time, whoever listens, until ctx ends. It returns how many were accepted.
func (v *victim) press(ctx context.Context) (accepted int) {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for ctx.Err() == nil {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+v.address+"/api/v2/publishing/targets/refresh", http.NoBody)
		if err != nil {
			return accepted
		}
		response, err := client.Do(request)
		if err != nil {
			time.Sleep(time.Millisecond) // it is not up
			continue
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		if response.StatusCode == http.StatusAccepted {
			accepted++
		}
	}
	return accepted
}

// leftovers returns the names of the temp files beside a snapshot: of a write or, with a second dot, of the probe at the start. Any other file
// is an error.
func leftovers(path string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	known := regexp.MustCompile(`^\.{1,2}` + regexp.QuoteMeta(filepath.Base(path)) + `[0-9]+$`)
	var names []string
	for _, e := range entries {
		switch {
		case e.Name() == filepath.Base(path):
		case known.MatchString(e.Name()):
			names = append(names, e.Name())
		default:
			return nil, fmt.Errorf("%s lies beside the snapshot", e.Name())
		}
	}
	return names, nil
}
