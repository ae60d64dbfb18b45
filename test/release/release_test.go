package release_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/alert-history/refresh-sidecar/test/internal/bundle"
	"github.com/alert-history/refresh-sidecar/test/release"
)

var names = []string{
	"SHA256SUMS",
	"refresh-sidecar-1.2.3-image-linux-amd64.cdx.json", "refresh-sidecar-1.2.3-image-linux-arm64.cdx.json", "refresh-sidecar-1.2.3-image.tar",
	"refresh-sidecar-1.2.3-linux-amd64.cdx.json", "refresh-sidecar-1.2.3-linux-amd64.tar.gz",
	"refresh-sidecar-1.2.3-linux-arm64.cdx.json", "refresh-sidecar-1.2.3-linux-arm64.tar.gz",
	"refresh-sidecar-1.2.3.tgz",
}

func TestTwoCheckoutsMakeTheSameRelease(t *testing.T) {
	first := filesIn(t, released(t))
	if diff := cmp.Diff(names, sorted(first)); diff != "" {
		t.Errorf("the files of a release (-want +got):\n%s", diff)
	}
	// Another place, other permissions, another time zone, a later time, a Go that is set up for another machine, and from the command line.
	dir := filepath.Join("elsewhere", "and-deeper")
	if err := os.Mkdir(filepath.Join(temporary, "elsewhere"), 0o700); err != nil {
		t.Fatal(err)
	}
	dir, err := clone(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "umask 077 && chmod -R go-rwx . && exec make release")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "TZ=Asia/Kolkata", "GOARM64=v9.0", "MAKEFLAGS=", "MFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make release: %v\n%s", err, out)
	}
	second := filesIn(t, filepath.Join(dir, "dist"))
	if diff := cmp.Diff(sorted(first), sorted(second)); diff != "" {
		t.Errorf("the files of the second release (-first +second):\n%s", diff)
	}
	for name, content := range first {
		if !bytes.Equal(content, second[name]) {
			t.Errorf("%s: %x, then %x", name, sha256.Sum256(content), sha256.Sum256(second[name]))
		}
	}
}

func TestTheChecksumsAreThoseOfTheFiles(t *testing.T) {
	files := filesIn(t, released(t))
	var want strings.Builder
	for _, name := range names[1:] {
		fmt.Fprintf(&want, "%x  %s\n", sha256.Sum256(files[name]), name)
	}
	if diff := cmp.Diff(want.String(), string(files["SHA256SUMS"])); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTheArchivesHoldTheProgramOfTheImageAndItsPapers(t *testing.T) {
	for _, architecture := range []string{"amd64", "arm64"} {
		top := "refresh-sidecar-1.2.3-linux-" + architecture + "/"
		img, _ := imageOf(t, architecture)
		want := []bundle.File{
			{Name: top, Mode: 0o755, Content: []byte{}},
			{Name: top + "refresh-sidecar", Mode: 0o755, Content: contents(t, img)[0].Content},
			{Name: top + "README.md", Mode: 0o644, Content: read(t, "README.md")},
			{Name: top + "LICENSE", Mode: 0o644, Content: read(t, "LICENSE")},
			{Name: top + "THIRD_PARTY_NOTICES.txt", Mode: 0o644, Content: read(t, "THIRD_PARTY_NOTICES.txt")},
		}
		got := unpack(t, strings.TrimSuffix(top, "/")+".tar.gz")
		if diff := cmp.Diff(want, got, summarised); diff != "" {
			t.Errorf("%s (-want +got):\n%s", architecture, diff)
		}
	}
}

func TestTheProgramSaysTheVersionOfTheRelease(t *testing.T) {
	path := filepath.Join(t.TempDir(), "refresh-sidecar")
	for _, file := range unpack(t, "refresh-sidecar-1.2.3-linux-amd64.tar.gz") {
		if strings.HasSuffix(file.Name, "/refresh-sidecar") {
			if err := os.WriteFile(path, file.Content, 0o700); err != nil { // #nosec G306 -- a program
				t.Fatal(err)
			}
		}
	}
	out, err := exec.CommandContext(t.Context(), path, "version").CombinedOutput() // #nosec G204 -- just built
	if want := "refresh-sidecar 1.2.3 ("; !strings.HasPrefix(string(out), want) {
		t.Errorf("got %q, %v, want %q", out, err, want)
	}
}

func TestTheImageIsLabelledWithTheCommit(t *testing.T) {
	_, config := imageOf(t, "arm64")
	revision, err := exec.CommandContext(t.Context(), "git", "-C", filepath.Join(temporary, "origin"), "rev-parse", "HEAD").Output()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"org.opencontainers.image.title":    "refresh-sidecar",
		"org.opencontainers.image.version":  "1.2.3",
		"org.opencontainers.image.source":   "https://github.com/alert-history/refresh-sidecar",
		"org.opencontainers.image.revision": strings.TrimSpace(string(revision)),
		"org.opencontainers.image.licenses": "Apache-2.0",
		"org.opencontainers.image.created":  "2026-11-27T17:00:00Z",
	}
	if diff := cmp.Diff(want, config.Config.Labels); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAReleaseIsMadeOfACommit(t *testing.T) {
	dir, err := clone(t.Context(), "changed")
	if err != nil {
		t.Fatal(err)
	}
	checkout, err := release.Open(t.Context(), dir, version)
	if err != nil {
		t.Fatal(err)
	}
	notices := filepath.Join(dir, "THIRD_PARTY_NOTICES.txt")
	if err := os.WriteFile(notices, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "dist")
	if err := checkout.Write(t.Context(), out); err == nil || !strings.Contains(err.Error(), "M THIRD_PARTY_NOTICES.txt") {
		t.Errorf("got %v, want the changed file", err)
	}
	if err := git(t.Context(), dir, "commit", "--quiet", "--all", "--message", "old notices"); err != nil {
		t.Fatal(err)
	}
	if err := checkout.Write(t.Context(), out); err == nil || !strings.Contains(err.Error(), "make notices") {
		t.Errorf("got %v, want that the notices are old", err)
	}
	if _, err := os.Stat(out); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a release that is none is there: %v", err)
	}
}

func TestASourceArchiveHasNoCommit(t *testing.T) {
	checkout, err := release.Open(t.Context(), t.TempDir(), "devel")
	if err != nil || checkout.Revision != "unknown" || checkout.Committed.Unix() != 0 {
		t.Errorf("got %+v, %v", checkout, err)
	}
}
