package torture_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// noise is text that does not compress.
func noise(size int) string {
	random := rand.New(rand.NewPCG(1, uint64(size))) // #nosec G404 -- no secret
	text := make([]byte, size)
	for i := range text {
		text[i] = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_"[random.IntN(64)]
	}
	return string(text)
}

// TestSecretsOfOneMebibyte fills the namespace with the largest Secrets there are: targets with ballast beside them, and Secrets that are
// too large for a target. The memory limit of the pod example applies.
func TestSecretsOfOneMebibyte(t *testing.T) {
	t.Parallel()
	w := newWorld(t, controlplane.Get(t))
	f := begin(t, &fault{Area: "input", Name: "Secrets of 1 MiB", Made: fmt.Sprintf("%d Secrets of 1 MiB each, half of them a target with ballast beside it; GOMEMLIMIT of the pod example", times(60, 12)),
		Holds: "targets are published, the others named; memory is bounded by the pages of a LIST, not by what there is"})
	count := times(60, 12)
	text := noise(1<<20 - 2048)
	w.createBinary("large", count, func(i int) map[string][]byte {
		if i%2 == 0 {
			return map[string][]byte{"config": fmt.Appendf(nil, `{"name":"large-%05d","type":"webhook","url":"https://example.com/1"}`, i), "ballast": []byte(text)}
		}
		return map[string][]byte{"config": fmt.Appendf(nil, `{"name":"large-%05d","type":"webhook","url":"https://example.com/1","x":%q}`, i, text)}
	})
	p := sidecar.StartBinary(t, with(t, "GOMEMLIMIT=40MiB", releaseBinary(t)), w.path, w.args("--refresh-timeout", "30s")...)
	p.Until("publishes", func() error { return succeeded(p) })
	for range times(5, 2) {
		p.Refresh()
		f.run()
	}
	if d := p.Document(); len(d.Entries) != count/2 || d.Invalid != count/2 {
		f.violation("got %d targets and %d invalid Secrets, want %d of each", len(d.Entries), d.Invalid, count/2)
	}
	expectPeak(t, f, p, 67) // 64 MiB
}

// createBinary makes Secrets as createMany does, whose data need not be text.
func (w *world) createBinary(prefix string, count int, data func(i int) map[string][]byte) {
	w.t.Helper()
	for i := range count {
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s-%05d", prefix, i), Labels: map[string]string{"publishing-target": "true"}}, Data: data(i)}
		if _, err := w.admin.CoreV1().Secrets(w.namespace).Create(context.WithoutCancel(w.t.Context()), secret, metav1.CreateOptions{}); err != nil {
			w.t.Fatal(err)
		}
	}
}

// TestMoreThanAFileMayHold has one Secret too many for the format: the document must be refused before the rename.
func TestMoreThanAFileMayHold(t *testing.T) {
	patient(t, "75 MB of Secrets take half a minute")
	w := newWorld(t, controlplane.Get(t))
	w.webhook("a", 0)
	f := begin(t, &fault{Area: "input", Name: "more than 64 MiB of targets", Made: "300 targets of 250 KB beside a good snapshot; then all but a few go",
		Holds: "the document is refused before the rename, as error_type write; the old file stays, byte for byte, nothing lies beside it; then the rest is published"})
	p := sidecar.StartBinary(t, releaseBinary(t), w.path, w.args("--refresh-timeout", "60s")...)
	p.Until("publishes", func() error { return succeeded(p) })
	witness := attach(t, w.path, f, "a")
	text := noise(250_000)
	w.createMany("huge", 300, func(i int) map[string]string {
		return map[string]string{"config": fmt.Sprintf(`{"name":"huge-%05d","type":"webhook","url":"https://example.com/1","x":%q}`, i, text)}
	})
	p.Until("refuses the document", func() error {
		if s := p.Status(); !strings.Contains(s.Error, "readers accept") {
			return fmt.Errorf("status %s: %s", s.State, s.Error)
		}
		return nil
	})
	before, err := os.ReadFile(w.path)
	if err != nil {
		t.Fatal(err)
	}
	expectRefusedAgain(t, f, p, before)
	f.run()
	for i := 10; i < 300; i++ {
		if err := w.admin.CoreV1().Secrets(w.namespace).Delete(t.Context(), fmt.Sprintf("huge-%05d", i), metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	p.Until("publishes the rest", func() error {
		if d := p.Document(); len(d.Entries) != 11 {
			return fmt.Errorf("%d targets", len(d.Entries))
		}
		return nil
	})
	witness.end()
	f.figure("at most %.0f MB RSS", sidecar.Memory(t, p.PID(), "VmHWM"))
}

// expectRefusedAgain has the write tried two times more, and the old file stay as it is.
func expectRefusedAgain(t *testing.T, f *fault, p *sidecar.Process, before []byte) {
	t.Helper()
	refused := p.Metric("publishing_refresh_errors_total", "error_type", "write")
	p.Until("refuses it again", func() error {
		if p.Metric("publishing_refresh_errors_total", "error_type", "write") < refused+2 {
			return errors.New("not yet")
		}
		return nil
	})
	expectReady(f, p)
	if after, err := os.ReadFile(p.Path); err != nil || !bytes.Equal(before, after) || len(before) > targetsfile.MaxBytes {
		f.violation("the old file did not stay: %v", err)
	}
	if left, err := leftovers(p.Path); err != nil || len(left) > 0 {
		f.violation("%v is left beside the snapshot: %v", left, err)
	}
}
