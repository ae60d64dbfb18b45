package torture_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// TestTenThousandTargets puts all of them into one namespace.
func TestTenThousandTargets(t *testing.T) {
	t.Parallel()
	w := newWorld(t, controlplane.Get(t))
	count := times(10_000, 500)
	f := begin(t, &fault{Area: "input", Name: "10 000 targets", Made: fmt.Sprintf("%d Secrets in one namespace, on the real API server", count),
		Holds: "all are published, a change arrives, memory is bounded"})
	w.createMany("many", count, webhook)
	p := sidecar.StartBinary(t, releaseBinary(t), w.path, "--kubeconfig", w.kubeconfig(), "--rate-limit", "0")
	p.Until("publishes", func() error { return succeeded(p) })
	witness := attach(t, w.path, f, "many-00000", fmt.Sprintf("many-%05d", count-1))
	for i := range 5 {
		p.Refresh()
		w.webhook("many-00000", count+i)
		expectNumber(t, p, "many-00000", count+i)
		f.run()
	}
	if d := p.Document(); len(d.Entries) != count || d.Valid != count {
		f.violation("got %d targets, %d valid, want %d", len(d.Entries), d.Valid, count)
	}
	witness.end()
	expectPeak(t, f, p, 100)
}

// TestAHundredThousandInvalidSecrets gives them by way of a proxy that makes up the pages of a LIST: storing so many in an API server
// would take an hour.
func TestAHundredThousandInvalidSecrets(t *testing.T) {
	t.Parallel()
	w := newWorld(t, controlplane.Get(t))
	front := newFront(t, w)
	count := times(100_000, 2000)
	front.answer("list", invalidPages(w.namespace, count))
	f := begin(t, &fault{Area: "input", Name: "100 000 invalid Secrets", Made: fmt.Sprintf("a proxy answers with %d Secrets without a URL and a good one, page by page", count),
		Holds: "the good one is published, the rest counted; snapshot, status and log name some of them, not all; memory is bounded"})
	p := sidecar.StartBinary(t, releaseBinary(t), w.path, w.args("--no-watch", "--refresh-interval", "5m", "--refresh-timeout", "1m")...)
	expectCounted(t, f, p, count)
	expectPeak(t, f, p, 250)
}

// TestAHundredThousandInvalidManifests reads as many from a file, which is parsed as a whole.
func TestAHundredThousandInvalidManifests(t *testing.T) {
	t.Parallel()
	count := times(100_000, 2000)
	f := begin(t, &fault{Area: "input", Name: "100 000 invalid manifests", Made: fmt.Sprintf("a List of %d Secrets without a URL and one good one in a file", count),
		Holds: "as from an API server; memory is bounded by the size of the file, of which more than 64 MiB are refused"})
	items := make([]any, 0, count+1)
	for i := range count {
		items = append(items, manifest(fmt.Sprintf("bad-%06d", i), map[string]string{"type": "webhook"}))
	}
	dir := t.TempDir()
	writeList(t, filepath.Join(dir, "list.json"), append(items, manifest("good", webhook(1))))
	p := sidecar.StartBinary(t, releaseBinary(t), filepath.Join(t.TempDir(), "targets.json"), "--manifests", dir, "--rate-limit", "0")
	expectCounted(t, f, p, count)
	expectPeak(t, f, p, 800)
}

// expectCounted has a few refreshes count all invalid Secrets and name a few.
func expectCounted(t *testing.T, f *fault, p *sidecar.Process, count int) {
	t.Helper()
	p.Until("publishes", func() error { return succeeded(p) })
	for range 3 {
		p.Refresh()
		f.run()
	}
	d, s := p.Document(), p.Status()
	if len(d.Entries) != 1 || d.Invalid != count || len(d.Rejections) != min(count, 1000) || len(s.Rejections) != 100 || s.Invalid != count {
		f.violation("got %d targets, %d invalid, %d named in the file; status has %d invalid, %d named", len(d.Entries), d.Invalid, len(d.Rejections), s.Invalid, len(s.Rejections))
	}
	if lines := len(p.Logs("")); lines > 1200 {
		f.violation("%d log lines", lines)
	} else {
		f.figure("%d log lines", lines)
	}
}

// invalidPages answers LISTs as an API server does that holds that many invalid Secrets and, at the end, a good one.
func invalidPages(namespace string, count int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		limit, _ := strconv.Atoi(query.Get("limit"))
		begin, _ := strconv.Atoi(query.Get("continue"))
		list := corev1.SecretList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "SecretList"}, ListMeta: metav1.ListMeta{ResourceVersion: "7"}}
		for i := begin; i <= count && i < begin+limit; i++ {
			secret := corev1.Secret{
				ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: fmt.Sprintf("s-%06d", i), UID: types.UID(fmt.Sprintf("uid-%032d", i)), ResourceVersion: "5",
					Labels: map[string]string{"publishing-target": "true"}},
				Data: map[string][]byte{"type": []byte("webhook")}}
			if i == count {
				secret.Data["url"] = []byte("https://example.com/1")
			}
			list.Items = append(list.Items, secret)
		}
		if begin+limit <= count {
			list.Continue = strconv.Itoa(begin + limit)
		}
		w.Header().Set("Content-Type", typeJSON)
		_ = json.NewEncoder(w).Encode(list)
	}
}

// manifest is a labelled Secret.
func manifest(name string, data map[string]string) any {
	return map[string]any{"apiVersion": "v1", "kind": "Secret", "stringData": data,
		"metadata": map[string]any{"name": name, "labels": map[string]string{"publishing-target": "true"}}}
}

func writeList(t *testing.T, path string, items []any) {
	t.Helper()
	data, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "List", "items": items})
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, string(data))
}

// TestHostileInput gives the real program, by way of the real API server, whatever a user with the right to write Secrets may write.
func TestHostileInput(t *testing.T) {
	t.Parallel()
	w := newWorld(t, controlplane.Get(t))
	w.webhook("a", 0)
	f := begin(t, &fault{Area: "input", Name: "hostile names, URLs, headers, JSON bombs",
		Made: "a Secret of each kind: names of other targets and of files, URLs with line breaks, user info and spoofed hosts, " +
			"headers that split requests, JSON that is deep, wide, duplicate or half a number",
		Holds: "each is rejected by name or published harmless; no target is taken over, the others are served, memory is bounded"})
	p := sidecar.StartBinary(t, releaseBinary(t), w.path, w.args()...)
	p.Until("publishes", func() error { return succeeded(p) })
	witness := attach(t, w.path, f, "a")
	good := map[string]bool{}
	hostile := hostileConfigs()
	for i, h := range hostile {
		name := fmt.Sprintf("hostile-%02d", i)
		good[name] = h.accepted
		w.put(name, map[string]string{"config": h.config(name)})
		f.run()
	}
	var d *targetsfile.Document
	p.Until("has published them", func() error {
		if d = p.Document(); d.Discovered != len(hostile)+1 {
			return fmt.Errorf("%d Secrets", d.Discovered)
		}
		return nil
	})
	for _, e := range d.Entries {
		if e.Name != "a" && !good[e.Name] {
			f.violation("%s is published: %q", e.Name, e.URL)
		}
		delete(good, e.Name)
	}
	for name, accepted := range good {
		if accepted {
			f.violation("%s is not published", name)
		}
	}
	if err := hasNumber(p, "a", 0); err != nil {
		f.violation("a target was taken over: %v", err)
	}
	for _, r := range d.Rejections {
		if len(r.Message) > 4096 || strings.ContainsAny(r.Message, "\n\r\x1b") {
			f.violation("the message about %s is %q", r.Secret, r.Message)
		}
	}
	witness.end()
	expectPeak(t, f, p, 64)
}
