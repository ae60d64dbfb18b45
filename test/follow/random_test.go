package follow_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	targetsync "github.com/alert-history/refresh-sidecar/internal/sync"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
	"github.com/alert-history/refresh-sidecar/test/controlplane"
)

// TestWhateverHappens has two writers do anything to thirty Secrets, while manual refreshes and cut connections come in between. In the
// end what was put together from events is what a LIST says.
func TestWhateverHappens(t *testing.T) {
	t.Parallel()
	w := newWorld(t, controlplane.Get(t))
	w.manyWebhooks(30)
	w.webhook("untouched", 1)
	network := w.newNetwork()
	untouched := func(s *setup) { s.keeps = []string{"untouched"} }
	dropping := w.follow(over(network), untouched, func(s *setup) { s.DropInvalid = true })
	keeping := w.follow(untouched)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	const ops = 300 // of each writer
	results := make(chan error)
	for writer := range uint64(2) {
		go func() { results <- (&chaos{w, rand.New(rand.NewPCG(seed, writer))}).cause(ops) }()
	}
	refresh, cut := time.NewTicker(300*time.Millisecond), time.NewTicker(700*time.Millisecond)
	defer refresh.Stop()
	defer cut.Stop()
	for writing := 2; writing > 0; {
		select {
		case err := <-results:
			w.must(err)
			writing--
		case <-refresh.C:
			for _, e := range []*engine{dropping, keeping} {
				if err := e.manager.RefreshNow(); !errors.Is(err, targetsync.ErrRefreshInProgress) {
					w.must(err)
				}
			}
		case <-cut.C:
			network.Cut()
			network.Mend()
		}
	}
	w.webhook("untouched", 2)
	expectSame(dropping, w.follow(func(s *setup) { s.DropInvalid = true }), contested)

	for i := range 30 { // with no Secret broken and no name twice, what was there before makes no difference
		w.webhook(nth(i), 1e6)
	}
	w.webhook("untouched", 3)
	fresh := w.follow()
	expectSame(keeping, fresh, 0)
	expectSame(dropping, fresh, 0)
	t.Logf("%v and %v publications; %d LISTs and %d WATCHes on the network that was cut",
		dropping.metric("publishing_snapshot_publications_total", "written"), keeping.metric("publishing_snapshot_publications_total", "written"),
		dropping.requests.lists.Load(), dropping.requests.watches.Load())
}

// contested is how many names several Secrets may claim, s-0 and so on. Who has such a name depends on who had it first.
const contested = 6

// expectSame waits until an engine publishes what another, which has just begun, has listed. Of the contested names it only
// counts that they are there.
func expectSame(e, fresh *engine, contested int) {
	e.t.Helper()
	want := content(fresh.document(), contested)
	e.until("publishes what a LIST says", func() error { return differ(want, content(e.document(), contested)) })
}

// content is what a document says apart from its place in the sequence.
func content(d *targetsfile.Document, contested int) any {
	type targets struct {
		Discovered, Valid, Invalid int
		Targets                    []string
		Rejections                 []targetsfile.Rejection
	}
	c := targets{Discovered: d.Discovered, Valid: d.Valid, Invalid: d.Invalid}
	for _, e := range d.Entries {
		text := e.Name
		if len(e.Name) > len("s-0") || e.Name >= nth(contested) {
			text = fmt.Sprint(e.Name, e.Type, e.URL, e.PayloadFormat, e.Enabled, e.Headers, e.Secret, e.SecretUID, e.StaleSince)
		}
		c.Targets = append(c.Targets, text)
	}
	for _, r := range d.Rejections {
		if r.Reason != targetsfile.RejectDuplicate || contested == 0 {
			c.Rejections = append(c.Rejections, r)
		}
	}
	return c
}

// chaos does anything to the Secrets of a world but the one called untouched.
type chaos struct {
	*world
	random *rand.Rand
}

func (c *chaos) cause(ops int) error {
	var errs []error
	for op := range ops {
		err := c.once(op)
		if !apierrors.IsNotFound(err) && !apierrors.IsAlreadyExists(err) && !apierrors.IsConflict(err) { // the other writer was quicker
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (c *chaos) once(op int) error {
	name := nth(c.random.IntN(30))
	switch c.random.IntN(10) {
	case 0:
		return c.secrets().Delete(c.t.Context(), name, metav1.DeleteOptions{})
	case 1:
		return c.tryLabel(name, "false")
	case 2:
		return c.tryLabel(name, "true")
	case 3:
		return c.tryPut(name, map[string]string{"type": "webhook", "url": "example"})
	case 4: // one of few names, which several claim
		return c.tryPut(name, map[string]string{"name": nth(c.random.IntN(contested)), "type": "webhook", "url": "https://example.com/x"})
	case 5:
		return c.tryPut(name, map[string]string{"type": "slack", "url": "https://example.com/x"})
	}
	return c.tryPut(name, map[string]string{"type": "webhook", "url": fmt.Sprintf("https://example.com/x/%d", op)})
}
