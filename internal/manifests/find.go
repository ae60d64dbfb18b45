package manifests

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// maxTreeBytes bounds the files of a tree together: PATH may be a home directory by mistake.
const maxTreeBytes = 64 << 20

// tree is what a walk over the manifests found.
type tree struct {
	fingerprint string      // differs whenever a file changes, or a directory is replaced
	files       []string    // paths in the order of reading
	size        int64       // bytes of all files
	directories directories // where to look for changes
	changed     time.Time   // the latest change of any file
	faults      []error     // what kept files from being found
}

// directories are the directories to watch for changes, by path, with the identity that each had.
type directories map[string]inode

// inode identifies a file or directory, whatever its path.
type inode struct{ dev, ino uint64 }

// changedSince reports whether a file was written after t. A time in the future is a wrong clock, not a write.
func (t tree) changedSince(since time.Time) bool {
	return t.changed.After(since) && !t.changed.After(time.Now())
}

// findFiles looks at the manifests at path without reading them. It always returns a fingerprint, also for a path that is missing.
func findFiles(ctx context.Context, path string) tree {
	f := finder{sum: sha256.New(), seen: map[inode]bool{}, tree: tree{directories: directories{}}}
	f.root(ctx, path)
	if len(f.tree.faults) == 0 && len(f.tree.files) == 0 {
		f.fail(place{file: path}.fail("add one: *.yaml, *.yml or *.json", "holds no manifest"))
	}
	f.tree.fingerprint = hex.EncodeToString(f.sum.Sum(nil))
	return f.tree
}

type finder struct {
	sum  hash.Hash
	seen map[inode]bool // files and directories already visited, so that a cycle of links ends
	tree tree
}

// fail keeps the fault and lets the walk go on: the fingerprint must change when any fault does.
func (f *finder) fail(err error) {
	_, _ = fmt.Fprintf(f.sum, "fault %q\n", err)
	f.tree.faults = append(f.tree.faults, err)
}

func (f *finder) root(ctx context.Context, path string) {
	f.watchParent(path)
	st, err := stat(path)
	switch {
	case err != nil:
		f.fail(treeError(hintFor(err), "reading manifests: %w", err))
	case st.Mode&unix.S_IFMT == unix.S_IFDIR:
		f.dir(ctx, path, st)
	case isKustomization(path):
		f.fail(place{file: path}.fail(hintKustomization, "is a kustomization, not a manifest"))
	default:
		f.linkTarget(path)
		f.file(path, st)
	}
}

const hintKustomization = "read and check what it makes: kustomize build DIR | refresh-sidecar validate -"

// isKustomization reports whether a file is a kustomization, which says how manifests are made and is not a manifest itself.
func isKustomization(path string) bool {
	name := filepath.Base(path)
	return name == "kustomization.yaml" || name == "kustomization.yml"
}

// watchParent adds the nearest directory above path to those to watch: path may be replaced, or not be there yet.
func (f *finder) watchParent(path string) {
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		if st, err := stat(dir); err == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR {
			f.tree.directories[dir] = identity(st)
			return
		}
		if dir == filepath.Dir(dir) {
			return
		}
	}
}

func (f *finder) dir(ctx context.Context, path string, st unix.Stat_t) {
	if f.visited(st) {
		return
	}
	if err := ctx.Err(); err != nil {
		f.fail(err)
		return
	}
	entries, err := os.ReadDir(path)
	if errors.Is(err, fs.ErrPermission) && filepath.Base(path) == "lost+found" {
		return // ext4 has one at the root of each file system, and only root may read it
	}
	f.tree.directories[path] = identity(st)
	// A directory's size and times are left out: every swap file of an editor changes them.
	_, _ = fmt.Fprintf(f.sum, "dir %q %v\n", path, identity(st))
	if err != nil {
		f.fail(treeError(hintFor(err), "reading manifests: %w", err))
	}
	for _, entry := range entries { // os.ReadDir sorts by name
		if !strings.HasPrefix(entry.Name(), ".") {
			f.entry(ctx, filepath.Join(path, entry.Name()), entry)
		}
	}
}

// entry takes directories, and files whose suffix is that of a manifest. A link is judged by its own name, not by its target's.
func (f *finder) entry(ctx context.Context, path string, entry fs.DirEntry) {
	manifest := slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(path)) && !isKustomization(path)
	link := entry.Type()&fs.ModeSymlink != 0
	if !manifest && !link && !entry.IsDir() {
		return
	}
	st, err := stat(path)
	switch {
	case err != nil && manifest:
		f.fail(treeError(hintFor(err), "reading manifests: %w", err))
	case err != nil: // a link to nowhere, without the suffix of a manifest
	case st.Mode&unix.S_IFMT == unix.S_IFDIR:
		f.dir(ctx, path, st)
	case manifest:
		if link {
			f.linkTarget(path)
		}
		f.file(path, st)
	}
}

func (f *finder) file(path string, st unix.Stat_t) {
	if f.visited(st) {
		return
	}
	_, _ = fmt.Fprintf(f.sum, "file %q %v %d %v %v\n", path, identity(st), st.Size, st.Mtim, st.Ctim)
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		f.fail(place{file: path}.fail(hintRegular, "is not a regular file"))
		return
	}
	f.tree.files = append(f.tree.files, path)
	fitted := f.tree.size <= maxTreeBytes
	if f.tree.size += st.Size; fitted && f.tree.size > maxTreeBytes {
		f.fail(treeError("is it the right path?", "reading manifests: more than %d MiB", maxTreeBytes>>20))
	}
	if changed := time.Unix(st.Ctim.Unix()); changed.After(f.tree.changed) {
		f.tree.changed = changed
	}
}

// linkTarget adds the directory that a link leads to, the one of the file itself, to those to watch.
func (f *finder) linkTarget(path string) {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		f.watchParent(target)
	}
}

func (f *finder) visited(st unix.Stat_t) bool {
	id := identity(st)
	seen := f.seen[id]
	f.seen[id] = true
	return seen
}

func identity(st unix.Stat_t) inode { return inode{dev: uint64(st.Dev), ino: st.Ino} }

// stat follows links. It takes the place of [os.Stat], which has no change time, the one time that no tool sets back.
func stat(path string) (unix.Stat_t, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return st, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	return st, nil
}

func hintFor(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "create it, or correct the path"
	case errors.Is(err, fs.ErrPermission):
		return "let this process read it"
	}
	return ""
}
