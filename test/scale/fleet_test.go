package scale_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// patience bounds every wait for all sidecars. It is only used up when something is broken.
const patience = 3 * time.Minute

// fleet is many sidecars on one namespace of one API server.
type fleet struct {
	b         *testing.B
	plane     *controlplane.Private
	namespace string
	sidecars  []*sidecar.Process
	started   time.Duration // from the first start until all had published
	edits     int
}

// startFleet starts the sidecars one after the other, as a cluster starts pods, and returns when all have published.
func startFleet(b *testing.B, plane *controlplane.Private, namespace, binary string, args ...string) *fleet {
	b.Helper()
	f := &fleet{b: b, plane: plane, namespace: namespace}
	dir := sidecar.InMemory(b)
	args = append(args, "--jitter", "0.1")
	began := time.Now()
	for i := range *count {
		own := filepath.Join(dir, fmt.Sprint(i))
		f.must(os.Mkdir(own, 0o750))
		f.sidecars = append(f.sidecars, sidecar.StartBinary(b, binary, filepath.Join(own, "targets.json"), args...))
	}
	f.until("have published", func() bool {
		return !slices.ContainsFunc(f.sidecars, func(p *sidecar.Process) bool {
			_, err := os.Stat(p.Path)
			return err != nil
		})
	})
	f.started = time.Since(began)
	return f
}

func (f *fleet) must(err error) {
	f.b.Helper()
	if err != nil {
		f.b.Fatal(err)
	}
}

func (f *fleet) until(what string, holds func() bool) {
	f.b.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		if time.Now().After(deadline) {
			f.b.Fatalf("waited %s until all sidecars %s", patience, what)
		}
		<-tick.C
	}
}

// change edits one Secret and returns, in order, how long after the API server's answer the edit was in each sidecar's file. That is told
// by the file's change time, which is that of its rename.
func (f *fleet) change() []time.Duration {
	f.b.Helper()
	f.edits++
	mark := fmt.Sprintf("https://hooks.example.com/edit-%d", f.edits)
	patch := fmt.Sprintf(`{"stringData":{"url":%q}}`, mark)
	_, err := f.plane.Admin().CoreV1().Secrets(f.namespace).
		Patch(f.b.Context(), sidecar.SecretName(f.edits), types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	answered := time.Now()
	f.must(err)
	waiting := map[string]time.Time{} // files without the edit, with their change time
	for _, p := range f.sidecars {
		waiting[p.Path] = time.Time{}
	}
	var took []time.Duration
	f.until("have the change", func() bool {
		for path, seen := range waiting {
			changed := changeTime(f.b, path)
			if changed.Equal(seen) {
				continue
			}
			waiting[path] = changed
			text, err := os.ReadFile(path) // #nosec G304 -- a file of this benchmark
			f.must(err)
			if bytes.Contains(text, []byte(mark+`"`)) {
				took = append(took, changed.Sub(answered))
				delete(waiting, path)
			}
		}
		return len(waiting) == 0
	})
	slices.Sort(took)
	return took
}

func changeTime(b *testing.B, path string) time.Time {
	b.Helper()
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		b.Fatal(err)
	}
	return time.Unix(st.Ctim.Unix())
}

// end stops the sidecars and tells what they warned of.
func (f *fleet) end() {
	f.b.Helper()
	warnings := map[string]int{}
	for _, p := range f.sidecars {
		for _, line := range p.Logs("") {
			if level, _ := line["level"].(string); level == "warn" || level == "error" {
				text := fmt.Sprint(level, ": ", line["message"])
				for _, why := range []string{"reason", "error_class", "error"} {
					if value, ok := line[why].(string); ok {
						text += ", " + value
					}
				}
				warnings[text]++
			}
		}
		p.Kill()
	}
	var lines []string
	for text, n := range warnings {
		lines = append(lines, fmt.Sprintf("%d × %s", n, text))
	}
	slices.Sort(lines)
	if len(lines) > 0 {
		f.b.Logf("what the sidecars logged:\n%s", strings.Join(lines, "\n"))
	}
}
