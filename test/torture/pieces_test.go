package torture_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// piecemeal is a Secret of many small pieces, each of which is a few bytes there and can be a hundred in memory.
type piecemeal struct {
	name   string
	data   map[string]string
	labels int  // beside the one that selects the Secret
	target bool // it yields one all the same
}

// piecemeals are as large as the API server stores them, which is 1 MiB of data and 1.5 MiB with all else.
func piecemeals(keySecrets int) []piecemeal {
	const most = 1<<20 - 1024
	flat := func(headers string) map[string]string {
		data := webhook(0)
		data["headers"] = headers
		return data
	}
	fill := func(piece string) string { return strings.Repeat(piece, most/len(piece)) }
	members := func(count int) string {
		var b strings.Builder
		for i := range count {
			fmt.Fprintf(&b, `,"%s":0`, strconv.FormatInt(int64(i), 36))
		}
		return b.String()
	}
	all := []piecemeal{
		{name: "commas-300k", data: flat(strings.Repeat(",", 300_000))},
		{name: "commas", data: flat(fill(","))},
		{name: "pairs", data: flat(fill("a=b,"))},
		{name: "lines", data: flat(fill("a: b\n"))},
		{name: "array", data: map[string]string{"config": fill("[")}},
		{name: "objects", data: map[string]string{"config": fill(`{"":`)}},
		{name: "closed", data: map[string]string{"config": `{"x":` + strings.Repeat("[", most/2-8) + strings.Repeat("]", most/2-8) + "}"}},
		{name: "members", data: map[string]string{"config": `{"name":"members"` + members(110_000) + "}"}},
		{name: "inner", data: map[string]string{"config": `{"name":"inner","type":"webhook","url":"https://example.com/1","x":{"a":0` + members(110_000) + "}}"}},
		{name: "header-object", data: flat(`{"a":0` + members(110_000) + "}")},
		{name: "escapes", data: map[string]string{"config": `{"name":"` + strings.Repeat(`\u0061`, most/6-8) + `"}`}},
		{name: "labels", data: webhook(0), labels: 60_000, target: true},
	}
	for i := range keySecrets {
		data := map[string]string{}
		for key := range 60_000 {
			data[strconv.FormatInt(int64(key), 36)] = "x"
		}
		all = append(all, piecemeal{name: fmt.Sprintf("keys-%d", i), data: data})
	}
	return all
}

func (w *world) putPiecemeal(p piecemeal) {
	w.t.Helper()
	labels := map[string]string{"publishing-target": "true"}
	for i := range p.labels {
		labels["x"+strconv.FormatInt(int64(i), 36)] = ""
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: p.name, Labels: labels}, StringData: p.data}
	if _, err := w.admin.CoreV1().Secrets(w.namespace).Create(w.t.Context(), secret, metav1.CreateOptions{}); err != nil {
		w.t.Fatalf("creating %s: %v", p.name, err)
	}
}

// TestSecretsOfManyPieces has a pod with the example's limit meet them before its first snapshot, at a restart, and as they come.
func TestSecretsOfManyPieces(t *testing.T) {
	t.Parallel()
	w := newWorld(t, controlplane.Get(t))
	hostile := piecemeals(times(8, 2))
	f := begin(t, &fault{Area: "input", Name: "Secrets of many pieces",
		Made: fmt.Sprintf("%d labelled Secrets at once: flat headers of 300 000 and of a million commas, pairs and lines, JSON of a million brackets, of 110 000 members and headers, "+
			"60 000 labels, and %d with 60 000 keys of a byte; before the first snapshot, at a restart and one by one, in a pod's 64 MiB", len(hostile), times(8, 2)),
		Holds: "the sidecar is not killed; each is a fault that is told by name, the good targets are there"})
	pod := newPod(t)
	good := []string{"a", "z"}
	for _, name := range good {
		w.webhook(name, 1)
	}
	for _, h := range hostile {
		w.putPiecemeal(h)
		if h.target {
			good = append(good, h.name)
		}
	}
	slices.Sort(good)
	start := func() *sidecar.Process {
		return sidecar.StartBinary(t, pod.program, w.path, w.args("--refresh-timeout", "30s", "--refresh-interval", "30s")...)
	}
	expect := func(p *sidecar.Process) {
		t.Helper()
		p.Until("publishes and names each", func() error { return piecesTold(p, w.namespace, hostile, good) })
		f.run()
	}
	for range times(5, 1) {
		p := start() // before the first snapshot, and in the long form at restarts with a new one
		expect(p)
		p.Kill()
		p = start()
		p.Until("has listed again", func() error { return succeeded(p) })
		p.Refresh()
		expect(p)
		p.Kill()
	}
	for _, h := range hostile {
		if err := w.admin.CoreV1().Secrets(w.namespace).Delete(t.Context(), h.name, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	p := start()
	p.Until("publishes", func() error { return succeeded(p) })
	p.Until("follows", func() error { return following(p) })
	witness := attach(t, w.path, f, "a", "z")
	for _, h := range hostile {
		w.putPiecemeal(h)
	}
	expect(p)
	w.webhook("a", 2)
	expectNumber(t, p, "a", 2)
	witness.end()
	f.figure("peak %.0f of %d MiB", pod.peak(t, f, p), podMemory)
}

// piecesTold fails until each hostile Secret is named in the snapshot, and the good targets are there.
func piecesTold(p *sidecar.Process, namespace string, hostile []piecemeal, good []string) error {
	d := p.Document()
	if d == nil {
		return fmt.Errorf("there is no snapshot: %s", p.Status().Error)
	}
	if got := p.Names(); !slices.Equal(got, good) {
		return fmt.Errorf("got targets %q, want %q", got, good)
	}
	for _, h := range hostile {
		i := slices.IndexFunc(d.Rejections, func(r targetsfile.Rejection) bool { return r.Secret == namespace+"/"+h.name })
		if i < 0 && !h.target {
			return fmt.Errorf("%s is not told of", h.name)
		}
		if i >= 0 && (h.target || len(d.Rejections[i].Message) > 4096) {
			return fmt.Errorf("%s is rejected with %d bytes", h.name, len(d.Rejections[i].Message))
		}
	}
	return nil
}
