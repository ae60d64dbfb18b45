package bench_test

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

var (
	beforeDir = flag.String("before", "", "the programs of an earlier version, see bench.Earlier; without them BenchmarkCompareEdits is skipped")
	afterDir  = flag.String("after", "", "the programs of this version")
	rounds    = flag.Int("rounds", 6, "how often BenchmarkCompareEdits measures each version")
)

const (
	startsPerRound = 5 // the last one is measured further
	editsPerRound  = 25
	answers        = 20
)

// version is a sidecar with an app beside it.
type version struct {
	name         string
	sidecar, app string // programs

	start, edits, processor, targets []time.Duration
	memory, appMemory                []float64
}

// BenchmarkCompareEdits measures an earlier version of sidecar and reader and this one in turns: from the API server's answer to an edit until
// the app's lookups have it, what processor time both use for that, their memory when idle, and from the start to the first snapshot.
func BenchmarkCompareEdits(b *testing.B) {
	if *beforeDir == "" || *afterDir == "" {
		b.Skip("needs -before and -after")
	}
	plane := controlplane.StartPrivate(b).Plane // with the Secrets in it
	for _, secrets := range []int{20, 1_000, 10_000} {
		b.Run(fmt.Sprintf("secrets=%d", secrets), func(b *testing.B) {
			t := turns{b: b, plane: plane, namespace: plane.Namespace(b), secrets: secrets}
			user := plane.User(b)
			plane.Grant(b, user, t.namespace, "list", "watch")
			sidecar.CreateSecrets(b, plane, t.namespace, secrets)
			t.kubeconfig = plane.WriteKubeconfig(b, user, t.namespace)
			versions := []*version{newVersion("before", *beforeDir), newVersion("after", *afterDir)}
			for b.Loop() {
				for range *rounds {
					for _, v := range versions {
						t.measure(v)
					}
					slices.Reverse(versions)
				}
			}
			b.ReportMetric(0, "ns/op")
			for _, v := range versions {
				v.report(b)
			}
		})
	}
}

func newVersion(name, dir string) *version {
	return &version{name: name, sidecar: filepath.Join(dir, "refresh-sidecar"), app: filepath.Join(dir, "app")}
}

// turns is what the versions have in common.
type turns struct {
	b                     *testing.B
	plane                 *controlplane.Plane
	namespace, kubeconfig string
	secrets               int
	edit                  int
}

// measure runs one version for some edits.
func (t *turns) measure(v *version) {
	b := t.b
	for range startsPerRound - 1 {
		t.start(v).Kill()
	}
	p := t.start(v)
	defer p.Kill()
	p.Until("follows changes", func() error { return atLeast(p, 1, "publishing_watch_connected") })
	a := startApp(b, v.app, p.Path)
	defer a.end()
	a.until(b, "ready")
	used := -processorTime(b, p.PID()) - processorTime(b, a.cmd.Process.Pid)
	tick := time.NewTicker(200 * time.Millisecond) // so that the pace of publications delays none
	defer tick.Stop()
	for range editsPerRound {
		<-tick.C
		v.edits = append(v.edits, t.put(a))
	}
	used += processorTime(b, p.PID()) + processorTime(b, a.cmd.Process.Pid)
	v.processor = append(v.processor, used/editsPerRound)
	v.targets = append(v.targets, answer(b, p))
	own, apps := idle(b, p.PID(), a.cmd.Process.Pid)
	v.memory, v.appMemory = append(v.memory, own), append(v.appMemory, apps)
}

// start starts the sidecar of a version, and waits for its first snapshot.
func (t *turns) start(v *version) *sidecar.Process {
	begun := time.Now()
	p := sidecar.StartBinary(t.b, v.sidecar, filepath.Join(sidecar.InMemory(t.b), "targets.json"), "--kubeconfig", t.kubeconfig, "--rate-limit", "0")
	p.Until("publishes", func() error {
		_, err := os.Stat(p.Path)
		return err
	})
	v.start = append(v.start, time.Since(begun))
	return p
}

// put edits a Secret and returns how long after the API server's answer the app's lookups had the edit.
func (t *turns) put(a *app) time.Duration {
	t.edit++
	url := fmt.Sprintf("https://hooks.example.com/services/T0000/B0000/%016d", t.edit)
	patch := fmt.Sprintf(`{"stringData":{"url":%q}}`, url)
	_, err := t.plane.Admin().CoreV1().Secrets(t.namespace).
		Patch(t.b.Context(), sidecar.SecretName(t.edit*7919%t.secrets), types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	answered := time.Now()
	must(t.b, err)
	return a.until(t.b, url).Sub(answered)
}

// answer returns the processor time that an answer about the targets takes which was given before.
func answer(b *testing.B, p *sidecar.Process) time.Duration {
	b.Helper()
	get := func() {
		if code, body := p.Do(http.MethodGet, "/api/v2/publishing/targets"); code != http.StatusOK {
			b.Fatalf("targets answered %d: %s", code, body)
		}
	}
	get()
	used := -processorTime(b, p.PID())
	for range answers {
		get()
	}
	return (used + processorTime(b, p.PID())) / answers
}

// idle returns the median anonymous memory of two processes over two seconds without a change.
func idle(b *testing.B, one, other int) (ofOne, ofOther float64) {
	b.Helper()
	var first, second []float64
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for range 10 {
		<-tick.C
		first, second = append(first, sidecar.Memory(b, one, "RssAnon")), append(second, sidecar.Memory(b, other, "RssAnon"))
	}
	return median(first), median(second)
}

func median[T int64 | float64 | time.Duration](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// processorTime is what the threads of a process have used so far.
func processorTime(b *testing.B, pid int) (used time.Duration) {
	b.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	must(b, err)
	for _, thread := range threads {
		text, err := os.ReadFile(thread) // #nosec G304 -- of the kernel
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue
		}
		must(b, err)
		var onProcessor time.Duration
		_, err = fmt.Sscan(string(text), &onProcessor)
		must(b, err)
		used += onProcessor
	}
	return used
}

func (v *version) report(b *testing.B) {
	b.Helper()
	b.ReportMetric(milliseconds(median(v.start)), "ms-start-"+v.name)
	b.ReportMetric(milliseconds(median(v.edits)), "ms-edit-"+v.name)
	b.ReportMetric(milliseconds(median(v.processor)), "ms-processor-"+v.name)
	b.ReportMetric(milliseconds(median(v.targets)), "ms-targets-"+v.name)
	b.ReportMetric(median(v.memory), "MB-sidecar-"+v.name)
	b.ReportMetric(median(v.appMemory), "MB-app-"+v.name)
}

// app is a running cmd/app.
type app struct {
	cmd   *exec.Cmd
	stdin io.Closer
	lines *bufio.Scanner
}

func startApp(b *testing.B, program, path string) *app {
	b.Helper()
	a := &app{cmd: exec.Command(program, path)} // #nosec G204 -- a program that the caller has built
	a.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	a.cmd.Stderr = os.Stderr
	stdin, err := a.cmd.StdinPipe()
	must(b, err)
	stdout, err := a.cmd.StdoutPipe()
	must(b, err)
	must(b, a.cmd.Start())
	a.stdin, a.lines = stdin, bufio.NewScanner(stdout)
	return a
}

// until waits until the app says that it has something, and returns since when.
func (a *app) until(b *testing.B, what string) time.Time {
	b.Helper()
	stuck := time.AfterFunc(time.Minute, func() { _ = a.cmd.Process.Kill() })
	defer stuck.Stop()
	for a.lines.Scan() {
		if at, found := strings.CutPrefix(a.lines.Text(), what+" "); found {
			var nanoseconds int64
			_, err := fmt.Sscan(at, &nanoseconds)
			must(b, err)
			return time.Unix(0, nanoseconds)
		}
	}
	b.Fatalf("the app ended without %s", what)
	return time.Time{}
}

func (a *app) end() {
	_ = a.stdin.Close()
	_ = a.cmd.Wait()
}
