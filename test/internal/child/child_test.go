package child_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/alert-history/refresh-sidecar/test/internal/child"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

func TestExitSaysHowItEnded(t *testing.T) {
	for _, tc := range []struct {
		name, script, want string
	}{
		{"well", "echo fine", ""},
		{"badly", "echo no space left; exit 3", "sh: exit status 3; the end of its log:\nno space left"},
		{"at length", "yes filler | head -10000; echo last words >&2; exit 1", "filler\nlast words"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := start(t, "-c", tc.script)
			<-c.Done()
			err := c.Exit()
			if tc.want == "" {
				if err != nil {
					t.Errorf("got %v, want no error", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) || len(err.Error()) > 5000 {
				t.Errorf("got %v, want a short error with %q", err, tc.want)
			}
		})
	}
}

func TestAPausedProcessCanBePausedAgainAndKilled(t *testing.T) {
	c := start(t, "-c", "exec sleep 60")
	for range 2 {
		if err := c.Pause(); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := c.Kill(); err != nil {
		t.Errorf("killing it again: %v", err)
	}
	if err := c.Pause(); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("pausing it then: got %v, want %v", err, os.ErrProcessDone)
	}
}

func TestAResumedProcessGoesOn(t *testing.T) {
	c := start(t, "-c", "exec sleep 2")
	if err := c.Pause(); err != nil {
		t.Fatal(err)
	}
	if err := c.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	<-c.Done()
	if err := c.Exit(); err != nil {
		t.Error(err)
	}
}

func TestAProgramThatIsNotThere(t *testing.T) {
	_, err := child.Start(child.Spec{Path: "/nonexistent/etcd", Log: filepath.Join(t.TempDir(), "log")})
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want %v", err, os.ErrNotExist)
	}
}

func start(t *testing.T, args ...string) *child.Child {
	t.Helper()
	c, err := child.Start(child.Spec{Path: "/bin/sh", Args: args, Log: filepath.Join(t.TempDir(), "log")})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
