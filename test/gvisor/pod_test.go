package gvisor_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// pod is one sandbox of gVisor, made as containerd's shim makes it: the container "pause" first, and then those that join it.
type pod struct {
	t           *testing.T
	id          string // other than that of any other pod on the machine, for runsc has sockets of these names
	dir         string // bundles, and the state of runsc
	annotations map[string]any
}

// container says what to run. Its root file system holds the program and nothing else.
type container struct {
	name    string
	program string // on the host
	args    []string
	user    map[string]any
	mounts  []map[string]any
}

// newPod starts a sandbox that knows the hints, and ends it with the test.
func newPod(t *testing.T, pause string, hints map[string]any) *pod {
	t.Helper()
	p := &pod{t: t, id: rand.Text(), dir: t.TempDir(), annotations: hints}
	t.Cleanup(func() {
		for _, name := range []string{"sidecar", "app", "pause"} {
			if out, err := p.runsc(context.Background(), nil, nil, "delete", "-force", name+p.id); err != nil && name == "pause" {
				t.Errorf("ending the sandbox: %v\n%s", err, out)
			}
		}
	})
	p.start(container{name: "pause", program: pause, user: map[string]any{"uid": 65535, "gid": 65535}}, os.Stdout, os.Stderr)
	return p
}

// start runs a container, with files for its output: gVisor takes those of the first container from create, those of others from start.
func (p *pod) start(c container, stdout, stderr *os.File) {
	p.t.Helper()
	kind := "container"
	if c.name == "pause" {
		kind = "sandbox"
	}
	annotations := map[string]any{"io.kubernetes.cri.container-type": kind, "io.kubernetes.cri.sandbox-id": "pause" + p.id}
	for key, value := range p.annotations {
		annotations[key] = value
	}
	bundle := filepath.Join(p.dir, c.name)
	config, err := json.Marshal(map[string]any{
		"ociVersion": "1.0.2",
		"process":    map[string]any{"user": c.user, "args": append([]string{"/program"}, c.args...), "cwd": "/"},
		"root":       map[string]any{"path": "rootfs", "readonly": true},
		"mounts":     append([]map[string]any{{"destination": "/proc", "type": "proc", "source": "proc"}}, c.mounts...),
		"linux":      map[string]any{"namespaces": []map[string]any{{"type": "pid"}, {"type": "ipc"}, {"type": "mount"}}},

		"annotations": annotations,
	})
	check(p.t, err)
	check(p.t, os.MkdirAll(filepath.Join(bundle, "rootfs"), 0o755)) // #nosec G301 -- the container's user is another one
	program, err := os.ReadFile(c.program)
	check(p.t, err)
	check(p.t, os.WriteFile(filepath.Join(bundle, "rootfs", "program"), program, 0o755), // #nosec G306 -- a program
		os.WriteFile(filepath.Join(bundle, "config.json"), config, 0o600))
	for _, command := range [][]string{{"create", "--bundle", bundle, c.name + p.id}, {"start", c.name + p.id}} {
		if out, err := p.runsc(p.t.Context(), stdout, stderr, command...); err != nil {
			p.t.Fatalf("runsc %s: %v\n%s", strings.Join(command, " "), err, out)
		}
	}
}

// runsc runs one command of runsc, and returns the log of the command in place of its output, which may be the container's.
func (p *pod) runsc(ctx context.Context, stdout, stderr *os.File, args ...string) (log string, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	file := filepath.Join(p.dir, "runsc.log")
	args = append([]string{"--root", filepath.Join(p.dir, "root"), "--log", file, "--network=none", "--ignore-cgroups"}, args...)
	cmd := exec.CommandContext(ctx, "runsc", args...) // #nosec G204 -- our own arguments
	if stdout != nil {
		cmd.Stdout, cmd.Stderr = stdout, stderr
	}
	err = cmd.Run()
	text, _ := os.ReadFile(file) // #nosec G304 -- the log of this sandbox; none is empty
	return string(text), err
}

const patience = time.Minute

// mount is a directory of the host in a container, as containerd's shim of gVisor hands it on: without the options of a bind if it is none.
func mount(kind, source, destination, access string) map[string]any {
	options := []string{"rprivate", access}
	if kind == "bind" {
		options = append(options, "rbind")
	}
	return map[string]any{"destination": destination, "type": kind, "source": source, "options": options}
}

func check(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// end returns the end of a log.
func end(path string) string {
	file, err := os.ReadFile(path) // #nosec G304 -- a log of this test
	if err != nil {
		return err.Error()
	}
	return string(file[max(0, len(file)-16<<10):])
}
