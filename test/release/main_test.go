package release_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

const (
	root    = "../.."
	version = "1.2.3"
)

// temporary is a directory of all the tests.
var temporary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "release")
	if err != nil {
		panic(err)
	}
	temporary = dir
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if err := os.RemoveAll(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
		os.Exit(code)
	}))
}

// clone clones the repository of the tests.
func clone(ctx context.Context, name string) (dir string, err error) {
	from, err := repository()
	if err != nil {
		return "", err
	}
	dir = filepath.Join(temporary, name)
	return dir, git(ctx, temporary, "clone", "--quiet", from, dir)
}

// repository has the files of this repository in one commit, with tags of this release of the sidecar and of another one of the reader.
var repository = sync.OnceValues(func() (string, error) {
	ctx, dir := context.Background(), filepath.Join(temporary, "origin")
	list := exec.CommandContext(ctx, "git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	names, err := list.Output()
	if err != nil {
		return "", fmt.Errorf("listing the files of the repository: %w", err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(names), "\x00"), "\x00") {
		if err := copyFile(filepath.Join(root, name), filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) { // deleted
			return "", err
		}
	}
	for _, args := range [][]string{
		{"init", "--quiet"}, {"add", "--all"}, {"commit", "--quiet", "--message", "all"},
		{"tag", "v" + version}, {"tag", "pkg/targetsfile/v9.9.9"},
	} {
		if err := git(ctx, dir, args...); err != nil {
			return "", err
		}
	}
	return dir, nil
})

func copyFile(from, to string) error {
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	if info.Mode().Type() == fs.ModeSymlink {
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	}
	content, err := os.ReadFile(from) // #nosec G304 -- a file of this repository
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, info.Mode().Perm())
}

// git runs git as somebody, at some time.
func git(ctx context.Context, dir string, args ...string) error {
	const who, when = "somebody", "2026-11-27T19:00:00+02:00"
	cmd := exec.CommandContext(ctx, "git", args...) // #nosec G204 -- the tests' own
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME="+who, "GIT_AUTHOR_EMAIL="+who, "GIT_AUTHOR_DATE="+when,
		"GIT_COMMITTER_NAME="+who, "GIT_COMMITTER_EMAIL="+who, "GIT_COMMITTER_DATE="+when)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("git %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}
