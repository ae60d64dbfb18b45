package sidecar

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Script returns a program that does what a few lines of shell say.
func Script(t testing.TB, lines string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	WriteProgram(t, path, []byte("#!/bin/sh\n"+lines+"\n"))
	return path
}

// WriteProgram writes a file that is run. Nothing is forked meanwhile: a child that another goroutine starts would have the file open for
// writing until it runs its own program, and the kernel runs no file that somebody may write (ETXTBSY).
func WriteProgram(t testing.TB, path string, content []byte) {
	t.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, content, 0o700); err != nil { // #nosec G306 -- it is run
		t.Fatal(err)
	}
}
