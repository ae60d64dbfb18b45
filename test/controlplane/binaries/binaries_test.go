package binaries_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/alert-history/refresh-sidecar/test/controlplane/binaries"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

func TestAProgramIsBuiltOnceForAllWhoAsk(t *testing.T) {
	if testing.Short() {
		t.Skip("building etcd takes up to half a minute; run it without -short")
	}
	dir := t.TempDir()
	const askers = 2
	logs, paths, errs := make([]bytes.Buffer, askers), make([]string, askers), make(chan error, askers)
	for i := range askers {
		go func() {
			var err error
			paths[i], err = binaries.Cache{Dir: dir, Log: &logs[i]}.Path(t.Context(), binaries.Etcd)
			errs <- err
		}()
	}
	for range askers {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Count(logs[0].String()+logs[1].String(), "binaries: building etcd-v"+binaries.EtcdVersion); got != 1 {
		t.Errorf("got %d builds, want 1:\n%s%s", got, &logs[0], &logs[1])
	}
	if paths[0] != paths[1] {
		t.Errorf("got %s and %s, want one path", paths[0], paths[1])
	}
	out, err := exec.CommandContext(t.Context(), paths[0], "--version").Output()
	if err != nil || !strings.Contains(string(out), "etcd Version: "+binaries.EtcdVersion+"\n") {
		t.Errorf("got %s and %v, want version %s", out, err, binaries.EtcdVersion)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*.build")); err != nil || len(left) != 0 {
		t.Errorf("got %v and %v, want no build directory left", left, err)
	}
}

func TestABinaryThatIsThereIsNotBuilt(t *testing.T) {
	dir := t.TempDir()
	for asked, version := range map[string]string{"": binaries.KubernetesVersion, "1.29.15": "1.29.15"} {
		want := filepath.Join(dir, "kubectl-v"+version)
		if err := os.WriteFile(want, nil, 0o700); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		got, err := binaries.Cache{Dir: dir, Kubernetes: asked, Log: &log}.Path(t.Context(), binaries.Kubectl)
		if err != nil || got != want || log.Len() != 0 {
			t.Errorf("asked for version %q: got %s, %v and %q, want %s and silence", asked, got, err, &log, want)
		}
	}
}

func TestWhatIsMissingIsEstimated(t *testing.T) {
	cache := binaries.Cache{Dir: t.TempDir(), Kubernetes: "1.29.15"}
	if err := os.WriteFile(filepath.Join(cache.Dir, "kubectl-v1.29.15"), nil, 0o700); err != nil {
		t.Fatal(err)
	}
	_, one, err := cache.Estimate(binaries.APIServer)
	if err != nil || one.Time == 0 || one.GB == 0 {
		t.Errorf("got %+v and %v", one, err)
	}
	missing, two, err := cache.Estimate(binaries.APIServer, binaries.Kubectl, binaries.Etcd)
	if want := []string{"kube-apiserver-v1.29.15", "etcd-v" + binaries.EtcdVersion}; err != nil || !slices.Equal(missing, want) {
		t.Errorf("got %v and %v, want %v", missing, err, want)
	}
	if two.Time <= one.Time || two.GB <= one.GB {
		t.Errorf("got %+v for two programs, %+v for one of them", two, one)
	}
}

func TestABuildThatIsGivenUpSaysWhyAndLeavesNoBinary(t *testing.T) {
	enough := errors.New("enough of it")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(enough)
	dir := t.TempDir()
	var log bytes.Buffer
	_, err := binaries.Cache{Dir: dir, Log: &log}.Path(ctx, binaries.APIServer)
	if !errors.Is(err, enough) {
		t.Errorf("got %v, want %v", err, enough)
	}
	path := filepath.Join(dir, "kube-apiserver-v"+binaries.KubernetesVersion)
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want no binary", err)
	}
}

func TestAnUnknownProgramIsAnError(t *testing.T) {
	if _, err := (binaries.Cache{Dir: t.TempDir()}).Path(t.Context(), "kube-proxy"); err == nil {
		t.Error("got no error")
	}
}
