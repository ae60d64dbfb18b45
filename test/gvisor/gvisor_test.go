// Package gvisor_test runs the sidecar and a reader as the two containers of a pod in gVisor, and measures what docs/compatibility.md says
// about it.
package gvisor_test

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

var changes = flag.Int("changes", 0, "how many changes are measured; 0: nothing is run")

// arrangement is a way to share the snapshot's directory between sidecar and app.
type arrangement struct {
	name     string
	share    func(t *testing.T, w world) (app *os.File, log string)
	watching bool // what the reader says in the end
}

// world is what all arrangements have in common.
type world struct {
	sidecar, reader, pause string // programs
	manifests, volume      string // directories
}

func TestHowLateTheAppOfAGVisorPodLearns(t *testing.T) {
	if *changes == 0 {
		t.Skip("SKIPPED: make gvisor runs it")
	}
	// Fewer may end before the reader has ceased to wait for a late event.
	*changes = max(*changes, 4)
	programs := buildPrograms(t)
	for _, a := range []arrangement{
		{"no container", natively, true},
		{"gVisor, no hint", inSandbox(""), false},
		{"gVisor, hint of type bind", inSandbox("bind"), false},
		{"gVisor, hint of type tmpfs", inSandbox("tmpfs"), true},
	} {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			w := programs
			w.manifests, w.volume = t.TempDir(), t.TempDir()
			write(t, w, 0)
			app, log := a.share(t, w)
			lines := measure(t, w, app, log)
			watching := lines[len(lines)-1].Watching
			if watching != a.watching {
				t.Errorf("got Watching %t, want %t\n%s", watching, a.watching, end(log))
			}
			if strings.Contains(end(log), "the target snapshot changed and no event announced it") == a.watching {
				t.Errorf("Watching is %t, and the log is\n%s", a.watching, end(log))
			}
			first, rest := lines[0].Late, lines[1:]
			slices.SortFunc(rest, func(a, b line) int { return int(a.Late - b.Late) })
			t.Logf("| %s | %v | %v | %v | %t |", a.name, round(first), round(rest[len(rest)/2].Late), round(rest[len(rest)-1].Late), watching)
		})
	}
}

// line is what the reader's program prints about a change.
type line struct {
	Generation uint64
	Late       time.Duration
	Watching   bool
}

// measure makes the changes, each once the app knows the one before.
func measure(t *testing.T, w world, app *os.File, log string) (lines []line) {
	t.Helper()
	scanner := bufio.NewScanner(app)
	for i := range 1 + *changes {
		check(t, app.SetReadDeadline(time.Now().Add(patience)))
		if !scanner.Scan() {
			t.Fatalf("waiting for change %d: %v\n%s", i, scanner.Err(), end(log))
		}
		var l line
		check(t, json.Unmarshal(scanner.Bytes(), &l))
		if l.Generation != uint64(1+i) {
			t.Fatalf("got generation %d, want %d", l.Generation, 1+i)
		}
		if i > 0 { // the first snapshot may have been there before the reader
			lines = append(lines, l)
		}
		write(t, w, 1+i)
	}
	return lines
}

// write gives the only target another URL.
func write(t *testing.T, w world, i int) {
	t.Helper()
	secret := fmt.Sprintf(`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"hook","labels":{"publishing-target":"true"}},
"stringData":{"config":"{\"name\":\"hook\",\"type\":\"webhook\",\"url\":\"https://hook.example/%d\"}"}}`, i)
	path := filepath.Join(w.manifests, "hook.yaml")
	check(t, os.WriteFile(path+".new", []byte(secret), 0o644), os.Rename(path+".new", path)) // #nosec G306 -- the container's user is another one
}

// natively runs both programs on the host.
func natively(t *testing.T, w world) (app *os.File, log string) {
	t.Helper()
	app, stdout, stderr := outputs(t)
	run := func(stdout *os.File, program string, args ...string) {
		cmd := exec.CommandContext(t.Context(), program, args...) // #nosec G204 -- our own programs
		cmd.Stdout, cmd.Stderr = stdout, stderr
		check(t, cmd.Start())
		t.Cleanup(func() { _ = cmd.Wait() }) // the end of the test's context has killed it
	}
	run(stderr, w.sidecar, sidecarArgs(w.manifests, w.volume)...)
	run(stdout, w.reader, filepath.Join(w.volume, snapshot))
	return app, stderr.Name()
}

// inSandbox runs both programs as the users of deploy/pod-example.yaml in containers of one pod, with a mount hint of this type if it is
// not empty.
func inSandbox(hint string) func(t *testing.T, w world) (app *os.File, log string) {
	return func(t *testing.T, w world) (*os.File, string) {
		t.Helper()
		skipWithoutRunsc(t)
		// As a kubelet makes an emptyDir for fsGroup 65532.
		check(t, os.Chown(w.volume, -1, 65532), os.Chmod(w.volume, 0o777|os.ModeSetgid)) // #nosec G302 -- as a kubelet does
		app, stdout, stderr := outputs(t)
		kind, hints := "bind", map[string]any{}
		if hint != "" {
			// containerd's shim of gVisor adds the source, and gives the mounts the hint's type.
			kind = hint
			for key, value := range map[string]string{"source": w.volume, "type": hint, "share": "pod", "options": "rw"} {
				hints["dev.gvisor.spec.mount.targets."+key] = value
			}
		}
		p := newPod(t, w.pause, hints)
		p.start(container{name: "sidecar", program: w.sidecar, args: sidecarArgs("/manifests", "/targets"),
			user:   map[string]any{"uid": 65532, "gid": 65532},
			mounts: []map[string]any{mount(kind, w.volume, "/targets", "rw"), mount("bind", w.manifests, "/manifests", "ro")}}, stderr, stderr)
		p.start(container{name: "app", program: w.reader, args: []string{"/targets/" + snapshot},
			user:   map[string]any{"uid": 65533, "gid": 65533, "additionalGids": []int{65532}},
			mounts: []map[string]any{mount(kind, w.volume, "/targets", "ro")}}, stdout, stderr)
		return app, stderr.Name()
	}
}

func skipWithoutRunsc(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("runsc"); err != nil {
		t.Skip("SKIPPED: runsc, which is gVisor, is not installed; Debian has it")
	}
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: runsc makes the pod as root")
	}
	if out, err := exec.CommandContext(t.Context(), "runsc", "--root", t.TempDir(), "--network=none", "--ignore-cgroups", "do", "true").CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: runsc runs nothing on this machine: %v\n%s", err, out)
	}
	version, err := exec.CommandContext(t.Context(), "runsc", "--version").Output()
	check(t, err)
	t.Logf("%s", version)
}

const snapshot = "targets.json"

func sidecarArgs(manifests, volume string) []string {
	return []string{"--manifests", manifests, "--snapshot-path", filepath.Join(volume, snapshot), "--listen-address", "127.0.0.1:0"}
}

// outputs returns what the app prints, and the files for that and for all that is logged.
func outputs(t *testing.T) (app, stdout, stderr *os.File) {
	t.Helper()
	app, stdout, err := os.Pipe()
	check(t, err)
	stderr, err = os.OpenFile(filepath.Join(t.TempDir(), "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	check(t, err)
	t.Cleanup(func() { check(t, app.Close(), stdout.Close(), stderr.Close()) })
	return app, stdout, stderr
}

// buildPrograms builds what runs in a root file system without anything else.
func buildPrograms(t *testing.T) world {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", dir, "./reader", "../node/pause") // #nosec G204 -- our own arguments
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	return world{sidecar: sidecar.ReleaseBinary(t), reader: filepath.Join(dir, "reader"), pause: filepath.Join(dir, "pause")}
}

func round(d time.Duration) time.Duration {
	if d < 10*time.Millisecond {
		return d.Round(100 * time.Microsecond)
	}
	return d.Round(time.Millisecond)
}
