package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Tree is one version of the repository in a directory, with what was built of it.
type Tree struct {
	Root     string
	Programs string // a directory with refresh-sidecar, app and the test binaries reader.test and writer.test
}

// comparedFiles are measured with the code of both versions. They use only what both have.
var comparedFiles = []string{"pkg/targetsfile/compare_internal_test.go", "internal/writer/compare_test.go", "test/bench/cmd/app/main.go"}

// Earlier unpacks another revision of the repository at root into a directory, puts the measuring code of this version in place of that
// revision's tests, and builds both.
func Earlier(ctx context.Context, root, revision, dir string) (before, after Tree, err error) {
	after = Tree{Root: root, Programs: filepath.Join(dir, "after")}
	before = Tree{Root: filepath.Join(dir, "sources"), Programs: filepath.Join(dir, "before")}
	for _, d := range []string{before.Root, before.Programs, after.Programs} {
		if err := os.Mkdir(d, 0o750); err != nil {
			return before, after, fmt.Errorf("making a directory: %w", err)
		}
	}
	if err := unpack(ctx, root, revision, before.Root); err != nil {
		return before, after, err
	}
	for _, name := range comparedFiles {
		if err := replaceTests(root, before.Root, name); err != nil {
			return before, after, err
		}
	}
	return before, after, errors.Join(before.build(ctx), after.build(ctx))
}

func unpack(ctx context.Context, root, revision, dir string) error {
	archive := exec.CommandContext(ctx, "git", "-C", root, "archive", "--format=tar", revision) // #nosec G204 -- our own arguments
	tar := exec.CommandContext(ctx, "tar", "-x", "-C", dir)                                     // #nosec G204 -- our own arguments
	archive.Stderr, tar.Stderr = os.Stderr, os.Stderr
	var err error
	if tar.Stdin, err = archive.StdoutPipe(); err != nil {
		return fmt.Errorf("unpacking %s: %w", revision, err)
	}
	if err := archive.Start(); err != nil {
		return fmt.Errorf("unpacking %s: %w", revision, err)
	}
	if err := errors.Join(tar.Run(), archive.Wait()); err != nil {
		return fmt.Errorf("unpacking %s: %w", revision, err)
	}
	return nil
}

// replaceTests removes the tests beside a file, which need not compile with it, and copies the file.
func replaceTests(from, to, name string) error {
	tests, err := filepath.Glob(filepath.Join(to, filepath.Dir(name), "*_test.go"))
	if err != nil {
		return fmt.Errorf("looking for tests: %w", err)
	}
	for _, test := range tests {
		if err := os.Remove(test); err != nil {
			return fmt.Errorf("removing a test: %w", err)
		}
	}
	text, err := os.ReadFile(filepath.Join(from, name)) // #nosec G304 -- a file of the repository
	if err != nil {
		return fmt.Errorf("reading measuring code: %w", err)
	}
	target := filepath.Join(to, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(target), 0o750), os.WriteFile(target, text, 0o600)); err != nil { // #nosec G703 -- in the caller's directory
		return fmt.Errorf("writing measuring code: %w", err)
	}
	return nil
}

// build builds the programs as they are shipped, and the test binaries.
func (t Tree) build(ctx context.Context) error {
	for _, b := range []struct {
		module string
		args   []string
	}{
		{".", []string{"build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(t.Programs, "refresh-sidecar"), "./cmd/refresh-sidecar"}},
		{"test", []string{"build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(t.Programs, "app"), "./bench/cmd/app"}},
		{"pkg/targetsfile", []string{"test", "-c", "-o", filepath.Join(t.Programs, "reader.test"), "."}},
		{".", []string{"test", "-c", "-o", filepath.Join(t.Programs, "writer.test"), "./internal/writer"}},
	} {
		cmd := exec.CommandContext(ctx, "go", b.args...) // #nosec G204 -- our own arguments
		cmd.Dir = filepath.Join(t.Root, b.module)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("running go %s in %s: %w\n%s", strings.Join(b.args, " "), b.module, err, out)
		}
	}
	return nil
}

// lines counts the lines of production code of the library, without comments and blank lines, and without the files that hold what 1.0.0
// did not have.
func (t Tree) lines() (count int, err error) {
	added := map[string]bool{"announce.go": true, "derive.go": true, "filter.go": true, "map.go": true, "redact.go": true, "request.go": true,
		"unlinked_unix.go": true, "unlinked_other.go": true}
	files, err := filepath.Glob(filepath.Join(t.Root, "pkg/targetsfile/*.go"))
	if err != nil {
		return 0, fmt.Errorf("looking for code: %w", err)
	}
	for _, file := range files {
		if added[filepath.Base(file)] || strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file) // #nosec G304 -- a file of the repository
		if err != nil {
			return 0, fmt.Errorf("reading code: %w", err)
		}
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
				count++
			}
		}
	}
	return count, nil
}

// runBinary runs the benchmarks of a test binary for a time, as -benchtime has it, and adds their figures under a prefix.
func (r Results) runBinary(ctx context.Context, binary, pattern, time, prefix string, out io.Writer) error {
	cmd := exec.CommandContext(ctx, binary, "-test.run", "^$", "-test.bench", pattern, "-test.benchtime", time) // #nosec G204 -- what build built
	cmd.Stderr = out
	printed, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("running %s: %w", binary, err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("running %s: %w", binary, err)
	}
	readErr := r.read(io.TeeReader(printed, out), prefix)
	if err := errors.Join(readErr, cmd.Wait()); err != nil {
		return fmt.Errorf("running %s: %w", binary, err)
	}
	return nil
}
