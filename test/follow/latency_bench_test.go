package follow_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"

	"github.com/alert-history/refresh-sidecar/internal/writer"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// BenchmarkChange measures from the API server's answer to an edit until the edit is in the file, and until a reader serves it, beside the
// arrival of the same event in a bare watch of this process. Each edit is made when the one before is everywhere, and some time after it.
//
// An event may arrive before the answer: both leave the API server at about the same time. So times after the answer can be negative; those
// after the beginning of the edit cannot, and are what ratios are made of.
//
// That the file is in place is taken from the return of Publish, in this process: it is the return of rename(2), and a watcher of the
// directory would be woken later by what it costs to wake it. The reader is such a watcher.
func BenchmarkChange(b *testing.B) {
	private := controlplane.StartPrivate(b)
	for _, size := range []struct {
		secrets int
		pause   time.Duration // the least time between two edits, so that the pace delays no publication
	}{{20, 200 * time.Millisecond}, {1_000, 200 * time.Millisecond}, {10_000, 400 * time.Millisecond}} {
		b.Run(fmt.Sprintf("secrets=%d", size.secrets), func(b *testing.B) {
			w := newWorld(b, private.Plane)
			w.manyWebhooks(size.secrets)
			for b.Loop() {
				w.measure(b, size.secrets, size.pause)
			}
		})
	}
}

// edit is one change and when it was seen where.
type edit struct {
	secret, url                           string
	began, answered, watched, filed, read time.Time
	missing                               atomic.Int64 // how many places have not seen it yet
	everywhere                            chan struct{}
}

// seen notes the time at a place, once.
func (e *edit) seen(at *time.Time, now time.Time) {
	if at.IsZero() {
		*at = now
		if e.missing.Add(-1) == 0 {
			close(e.everywhere)
		}
	}
}

func (w *world) measure(b *testing.B, secrets int, pause time.Duration) {
	var current atomic.Pointer[edit]
	current.Store(&edit{})
	w.watchBare(b, &current)
	e := w.follow(func(s *setup) {
		s.dir, s.unchecked = sidecar.InMemory(b), true
		s.Publisher = &timed{writer.New(s.path(), 0o640), func(_, ended time.Time, d *targetsfile.Document) {
			edit := current.Load()
			if i, ok := slices.BinarySearchFunc(d.Entries, edit.secret, func(e *targetsfile.Entry, name string) int {
				return strings.Compare(e.Name, name)
			}); ok && d.Entries[i].URL == edit.url {
				edit.seen(&edit.filed, ended)
			}
		}}
	})
	reader, err := targetsfile.Open(b.Context(), e.path)
	w.must(err)
	defer func() { _ = reader.Close() }()
	w.must(reader.WaitReady(b.Context()))
	defer reader.OnChange(func(c targetsfile.Change) {
		now, edit := time.Now(), current.Load()
		for _, update := range c.Updated {
			if update.New.Name == edit.secret && update.New.URL == edit.url {
				edit.seen(&edit.read, now)
			}
		}
	})()
	lists := func() float64 {
		return w.plane.Metric(b, "apiserver_request_total", map[string]string{"verb": "LIST", "resource": "secrets"})
	}
	before := lists()
	all := w.edit(b, secrets, pause, &current)
	caused := lists() - before
	if caused != 0 {
		b.Errorf("the API server counted %v LISTs, want none", caused)
	}
	report(b, all)
	b.ReportMetric(caused, "LISTs")
}

// edit makes 200 edits, each after the one before was seen everywhere.
func (w *world) edit(b *testing.B, secrets int, pause time.Duration, current *atomic.Pointer[edit]) []*edit {
	b.Helper()
	all := make([]*edit, 200)
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for i := range all {
		<-tick.C
		e := &edit{secret: nth(i * 37 % secrets), url: editURL(i + 1), everywhere: make(chan struct{})}
		e.missing.Store(3)
		current.Store(e)
		e.began = time.Now()
		w.must(w.tryPut(e.secret, map[string]string{"type": "webhook", "url": e.url, "headers": "X-Team=sre", "auth_token": strings.Repeat("t0", 20)}))
		e.answered = time.Now()
		select {
		case <-e.everywhere:
		case <-time.After(patience):
			b.Fatalf("edit %d was not seen everywhere", i)
		}
		all[i] = e
	}
	return all
}

// watchBare has client-go watch the same Secrets, and decode them as the engine's client does, until the benchmark ends.
func (w *world) watchBare(b *testing.B, current *atomic.Pointer[edit]) {
	b.Helper()
	config := ownConnections(b, w.plane.Config(w.user))
	config.ContentType = runtime.ContentTypeProtobuf
	client, err := kubernetes.NewForConfig(config)
	w.must(err)
	list, err := client.CoreV1().Secrets(w.namespace).List(b.Context(), metav1.ListOptions{Limit: 1})
	w.must(err)
	ctx, cancel := context.WithCancel(b.Context())
	bare, err := client.CoreV1().Secrets(w.namespace).Watch(ctx, metav1.ListOptions{LabelSelector: selector, ResourceVersion: list.ResourceVersion})
	w.must(err)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for event := range bare.ResultChan() {
			now, edit := time.Now(), current.Load()
			if secret, ok := event.Object.(*corev1.Secret); ok && secret.Name == edit.secret && string(secret.Data["url"]) == edit.url {
				edit.seen(&edit.watched, now)
			}
		}
	}()
	b.Cleanup(func() {
		cancel()
		<-ended
	})
}

// report prints the table and reports its main figures.
func report(b *testing.B, all []*edit) {
	b.Helper()
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "%d edits, ms\tp50\tp99\tleast\tmost\t\n", len(all)) // ten lines in all: go test cuts what is longer
	row := func(name string, measure func(*edit) time.Duration) (p50, p99 float64) {
		took := make([]time.Duration, len(all))
		for i, e := range all {
			took[i] = measure(e)
		}
		slices.Sort(took)
		at := func(share float64) float64 {
			return float64(took[int(share*float64(len(took)-1))].Microseconds()) / 1000
		}
		fmt.Fprintf(table, "%s\t%.2f\t%.2f\t%.2f\t%.2f\t\n", name, at(0.5), at(0.99), at(0), at(1))
		return at(0.5), at(0.99)
	}
	bare50, bare99 := row("answer → bare watch", func(e *edit) time.Duration { return e.watched.Sub(e.answered) })
	file50, file99 := row("answer → file in place", func(e *edit) time.Duration { return e.filed.Sub(e.answered) })
	read50, read99 := row("answer → reader serves it", func(e *edit) time.Duration { return e.read.Sub(e.answered) })
	row("bare watch → file in place", func(e *edit) time.Duration { return e.filed.Sub(e.watched) })
	row("file in place → reader serves it", func(e *edit) time.Duration { return e.read.Sub(e.filed) })
	row("edit → answer", func(e *edit) time.Duration { return e.answered.Sub(e.began) })
	fromBare50, fromBare99 := row("edit → bare watch", func(e *edit) time.Duration { return e.watched.Sub(e.began) })
	fromFile50, fromFile99 := row("edit → file in place", func(e *edit) time.Duration { return e.filed.Sub(e.began) })
	_ = table.Flush()
	b.Logf("%sedit → file / edit → bare watch: %.2f at p50, %.2f at p99", &text, fromFile50/fromBare50, fromFile99/fromBare99)
	b.ReportMetric(0, "ns/op")
	for unit, value := range map[string]float64{"ms-bare-p50": bare50, "ms-bare-p99": bare99, "ms-file-p50": file50, "ms-file-p99": file99,
		"ms-reader-p50": read50, "ms-reader-p99": read99} {
		b.ReportMetric(value, unit)
	}
}
