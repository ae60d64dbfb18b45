package compatibility_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/alert-history/refresh-sidecar/test/bench"
	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

const (
	quietFor  = 15 * time.Minute
	outageFor = 10 * time.Second
	// countFor is how long requests are counted after an API server is ready again: longer than any backoff.
	countFor = 30 * time.Second
)

// cost is what something cost the API server, and how long an edit took to arrive after it: a row of the document's table.
type cost struct {
	lists, byClock, watches int           // requests that the API server counted; those LISTs that the interval asked for
	warnings                []string      // messages
	first, next             time.Duration // from an edit, or from the ready API server, to the file
}

// happening is something of which the cost is counted.
type happening struct {
	name   string
	happen func(*world) cost
}

// scenes are control planes, side by side, on each of which things happen in turn.
var scenes = []struct {
	name  string
	flags []string // of the API server
	acts  []happening
}{
	{"quiet", nil, []happening{{"15 quiet minutes", (*world).rest}}},
	{"quiet without a watch cache", []string{"--watch-cache-sizes=secrets#0"}, []happening{{"15 quiet minutes, watch cache off", (*world).rest}}},
	{"trouble", nil, []happening{
		{"the API server is away for 10 s", (*world).outage},
		{"etcd's data of a backup is put in place", func(w *world) cost { return w.restored((*controlplane.Backup).Restore) }},
		{"`etcdutl snapshot restore`", func(w *world) cost { return w.restored(fromSnapshot()) }},
		{"… `--bump-revision 1000000000 --mark-compacted`", func(w *world) cost {
			return w.restored(fromSnapshot("--bump-revision", "1000000000", "--mark-compacted"))
		}},
	}},
}

// TestCosts runs the program as it is shipped.
func TestCosts(t *testing.T) {
	if !*costs {
		t.Skip("takes 20 minutes; -args -costs runs it")
	}
	var mu sync.Mutex
	rows := map[string]cost{}
	version := ""
	t.Run("group", func(t *testing.T) {
		for _, scene := range scenes {
			t.Run(scene.name, func(t *testing.T) {
				t.Parallel()
				plane := controlplane.StartPrivate(t, scene.flags...)
				for _, act := range scene.acts {
					t.Run(act.name, func(t *testing.T) {
						c := act.happen(newWorld(t, plane))
						t.Logf("%+v", c)
						mu.Lock()
						defer mu.Unlock()
						version, rows[act.name] = serverVersion(t, plane.Plane), c
					})
				}
			})
		}
	})
	if *write && !t.Failed() {
		writeCosts(t, version, rows)
	}
}

// rest counts what a sidecar asks while nothing happens.
func (w *world) rest() cost {
	p := w.start()
	before := w.asked()
	wait(quietFor)
	c := w.asked().since(before)
	for _, trigger := range []string{"retry", "manual", "watch"} {
		if got := p.Metric("publishing_refresh_trigger_total", "trigger", trigger); got != 0 {
			w.t.Errorf("got %v refreshes by %s, want none", got, trigger)
		}
	}
	c.byClock = int(p.Metric("publishing_refresh_trigger_total", "trigger", "periodic"))
	if !p.Status().Watch.Connected {
		w.t.Error("the status says that changes are not followed")
	}
	c.first, c.next = w.edit(p, time.Now()), w.edit(p, time.Now())
	return w.check(p, c, 0)
}

// outage takes the API server away.
func (w *world) outage() cost {
	p := w.start()
	w.must(w.plane.StopAPIServer())
	wait(outageFor)
	w.must(w.plane.StartAPIServer(w.t.Context()))
	return w.after(p)
}

// fromSnapshot returns a way to restore a backup.
func fromSnapshot(flags ...string) func(*controlplane.Backup, context.Context) error {
	return func(b *controlplane.Backup, ctx context.Context) error { return b.RestoreSnapshot(ctx, flags...) }
}

// restored brings an earlier state back.
func (w *world) restored(restore func(*controlplane.Backup, context.Context) error) cost {
	w.t.Helper()
	backup, err := w.plane.BackUp(w.t.Context())
	w.must(err)
	p := w.start()
	for range 50 {
		w.edit(p, time.Now())
	}
	w.must(restore(backup, w.t.Context()))
	return w.after(p)
}

// after measures from an API server that is ready again.
func (w *world) after(p *sidecar.Process) (c cost) {
	w.t.Helper()
	ready := time.Now()
	first := w.edit(p, ready)
	next := w.edit(p, time.Now())
	wait(time.Until(ready.Add(countFor)))
	c = w.asked() // the API server counts from its start
	c.first, c.next = first, next
	return w.check(p, c, 2)
}

// check bounds the warnings, of which one is that the connection was lost and one about what came then, and the LISTs.
func (w *world) check(p *sidecar.Process, c cost, most int) cost {
	w.t.Helper()
	for _, line := range p.Logs("") {
		if level := line["level"]; level == "warn" || level == "error" {
			c.warnings = append(c.warnings, fmt.Sprint(line["message"]))
		}
	}
	if len(c.warnings) > most {
		w.t.Errorf("got %d warnings, want at most %d: %q", len(c.warnings), most, c.warnings)
	}
	if c.lists > c.byClock+3 || most == 0 && c.lists != c.byClock {
		w.t.Errorf("got %d LISTs, %d of them by the interval", c.lists, c.byClock)
	}
	return c
}

// world is a namespace, and what a sidecar needs there.
type world struct {
	t          *testing.T
	plane      *controlplane.Private
	namespace  string
	path       string // of the snapshot
	kubeconfig string
	edits      int
}

func newWorld(t *testing.T, plane *controlplane.Private) *world {
	t.Helper()
	w := &world{t: t, plane: plane, namespace: plane.Namespace(t), path: filepath.Join(t.TempDir(), "targets.json")}
	user := plane.User(t)
	plane.Grant(t, user, w.namespace, sidecar.ExampleRole(t).Rules[0].Verbs...)
	w.kubeconfig = plane.WriteKubeconfig(t, user, w.namespace)
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "a", Labels: map[string]string{"publishing-target": "true"}}, StringData: w.content()}
	_, err := plane.Admin().CoreV1().Secrets(w.namespace).Create(t.Context(), secret, metav1.CreateOptions{})
	w.must(err)
	return w
}

// start returns a sidecar with default flags that follows changes.
func (w *world) start() *sidecar.Process {
	w.t.Helper()
	p := sidecar.Start(w.t, w.path, "--kubeconfig", w.kubeconfig)
	p.Until("follows changes", func() error {
		if s := p.Status(); !s.Watch.Connected {
			return errors.New(s.Error + s.Watch.Error)
		}
		return nil
	})
	return p
}

func (w *world) content() map[string]string {
	return map[string]string{"type": "webhook", "url": fmt.Sprintf("https://example.com/%d", w.edits)}
}

// edit changes the Secret and returns how long after began the change is in the file.
func (w *world) edit(p *sidecar.Process, began time.Time) time.Duration {
	w.t.Helper()
	w.edits++
	secrets := w.plane.Admin().CoreV1().Secrets(w.namespace)
	secret, err := secrets.Get(w.t.Context(), "a", metav1.GetOptions{})
	w.must(err)
	secret.Data, secret.StringData = nil, w.content()
	_, err = secrets.Update(w.t.Context(), secret, metav1.UpdateOptions{})
	w.must(err)
	p.Until("publishes the edit", func() error {
		if d := p.Document(); d == nil || len(d.Entries) != 1 || d.Entries[0].URL != w.content()["url"] {
			return errors.New("it is not in the file")
		}
		return nil
	})
	return time.Since(began)
}

// asked is what the API server counts of requests for the Secrets of one namespace. Its own are for those of all namespaces.
func (w *world) asked() (c cost) {
	w.t.Helper()
	metrics := w.plane.Metrics(w.t)
	count := func(metric, verb string) int {
		return int(metrics.Sum(metric, map[string]string{"resource": "secrets", "scope": "namespace", "verb": verb}))
	}
	c.lists = count("apiserver_request_total", "LIST")
	c.watches = count("apiserver_request_total", "WATCH") + count("apiserver_longrunning_requests", "WATCH")
	return c
}

func (c cost) since(before cost) cost {
	return cost{lists: c.lists - before.lists, watches: c.watches - before.watches}
}

func (w *world) must(errs ...error) {
	w.t.Helper()
	if err := errors.Join(errs...); err != nil {
		w.t.Fatal(err)
	}
}

// wait lets time pass: its length is the test's, nothing is waited for.
func wait(d time.Duration) { <-time.After(d) }

// writeCosts replaces the rows of a version.
func writeCosts(t *testing.T, version string, costs map[string]cost) {
	t.Helper()
	table := bench.Table{Header: []string{"Kubernetes", "what happens", "LISTs", "by the interval", "WATCHes", "warnings", "first edit in the file after", "the next after"}}
	for _, row := range readRows(t, "costs") {
		if row[0] != version && row[0] != table.Header[0] {
			table.Rows = append(table.Rows, row)
		}
	}
	for _, scene := range scenes {
		for _, act := range scene.acts {
			c := costs[act.name]
			table.Rows = append(table.Rows, []string{version, act.name, fmt.Sprint(c.lists), fmt.Sprint(c.byClock), fmt.Sprint(c.watches),
				fmt.Sprint(len(c.warnings)), c.first.Round(time.Millisecond).String(), c.next.Round(time.Millisecond).String()})
		}
	}
	slices.SortStableFunc(table.Rows, func(a, b []string) int { return strings.Compare(a[0], b[0]) })
	writeTable(t, "costs", table)
}
