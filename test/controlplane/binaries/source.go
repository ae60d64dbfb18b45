package binaries

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
)

// source says where a program comes from, how it is linked, and what building it takes.
type source struct {
	takes   Cost
	module  string
	version string
	pkg     string
	ldflags string
	tags    string
	staging string // the version that stands for what the module's go.mod maps to its own ./staging directory
}

// sourceOf is the table of programs.
func sourceOf(name Name, kubernetes string) (source, error) {
	switch name {
	case APIServer, ControllerManager, Kubectl, Kubelet, Scheduler:
		minor, _, _ := strings.Cut(strings.TrimPrefix(kubernetes, "1."), ".")
		return source{
			takes:   kubernetesCosts[name],
			module:  "k8s.io/kubernetes",
			version: "v" + kubernetes,
			pkg:     "k8s.io/kubernetes/cmd/" + string(name),
			// Without -X the program takes itself for v0.0.0-master, and features that depend on its version with it.
			ldflags: strings.ReplaceAll("-s -w -X PKG.gitVersion=v"+kubernetes+" -X PKG.gitMajor=1 -X PKG.gitMinor="+minor+
				" -X PKG.gitTreeState=clean", "PKG", "k8s.io/component-base/version"),
			// Leaves out the client libraries of clouds, which are most of what there is to compile until 1.30; later versions do not know the tag.
			tags: "providerless",
			// Kubernetes 1.N.M publishes its staging repositories as 0.N.M.
			staging: "v0." + strings.TrimPrefix(kubernetes, "1."),
		}, nil
	case Etcd:
		return source{
			takes:   Cost{time.Minute, 0.4},
			module:  "go.etcd.io/etcd/server/v3",
			version: "v" + EtcdVersion,
			pkg:     "go.etcd.io/etcd/server/v3",
			ldflags: "-s -w",
		}, nil
	case Etcdutl:
		return source{
			takes:   Cost{time.Minute, 0.1},
			module:  "go.etcd.io/etcd/etcdutl/v3",
			version: "v" + EtcdVersion,
			pkg:     "go.etcd.io/etcd/etcdutl/v3",
			ldflags: "-s -w",
		}, nil
	case Prometheus, Promtool:
		return prometheusSource(name), nil
	case Helm:
		return helmSource(), nil
	default:
		return source{}, fmt.Errorf("unknown program %q", name)
	}
}

// build is the making of one program.
type build struct {
	source
	path     string
	packages atomic.Int64 // how many the program has; 0: not known yet
}

// dir is the directory of the build's files.
func (b *build) dir() string { return b.path + ".build" }

// progress says how many packages are compiled. Those that were in Go's build cache are never among them.
func (b *build) progress() string {
	log, err := os.ReadFile(filepath.Join(b.dir(), buildLog))
	total := b.packages.Load()
	if err != nil || total == 0 {
		return ""
	}
	compiled := 0
	for line := range strings.Lines(string(log)) {
		if !strings.Contains(line, " ") { // unlike "go: downloading …"
			compiled++
		}
	}
	return fmt.Sprintf(": %d packages are compiled, of at most %d", compiled, total)
}

// run builds the program and renames it to its path.
func (b *build) run(ctx context.Context) error {
	dir := b.dir()
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("clearing the build directory: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the build directory: %w", err)
	}
	if err := b.writeModule(ctx, dir); err != nil {
		return err
	}
	packages, err := goOutput(ctx, dir, "list", "-deps", "-tags", b.tags, b.pkg)
	if err != nil {
		return err
	}
	b.packages.Store(int64(bytes.Count(packages, []byte("\n"))))
	out := filepath.Join(dir, "out")
	if err := goBuild(ctx, dir, "build", "-v", "-tags", b.tags, "-ldflags", b.ldflags, "-o", out, b.pkg); err != nil {
		return err
	}
	if err := os.Rename(out, b.path); err != nil {
		return fmt.Errorf("putting the binary in place: %w", err)
	}
	return os.RemoveAll(dir)
}

// writeModule writes a go.mod that requires nothing but the module, so that every other version is the one that its
// own go.mod names. `go install pkg@version` cannot do it: it refuses modules with replace lines. Of those only the
// ones into ./staging are needed; what else is changed also changes what Go's build cache can be shared with.
func (s source) writeModule(ctx context.Context, dir string) error {
	var module struct{ GoMod string }
	if err := goJSON(ctx, dir, &module, "mod", "download", "-json", s.module+"@"+s.version); err != nil {
		return err
	}
	var theirs struct {
		Go      string
		Replace []struct{ Old, New struct{ Path string } }
	}
	if err := goJSON(ctx, dir, &theirs, "mod", "edit", "-json", module.GoMod); err != nil {
		return err
	}
	var ours strings.Builder
	fmt.Fprintf(&ours, "module build.invalid\n\ngo %s\n\nrequire %s %s\n", theirs.Go, s.module, s.version)
	for _, r := range theirs.Replace {
		if strings.HasPrefix(r.New.Path, "./staging/") {
			fmt.Fprintf(&ours, "replace %s => %s %s\n", r.Old.Path, r.Old.Path, s.staging)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(ours.String()), 0o600); err != nil {
		return fmt.Errorf("writing the build's go.mod: %w", err)
	}
	return nil
}
