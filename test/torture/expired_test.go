package torture_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
)

// TestListExpiresInMidPage has the second page of a LIST refused as one that the API server no longer knows: now and then, and for good.
func TestListExpiresInMidPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, controlplane.Get(t))
	front := newFront(t, w)
	w.createMany("page", 600, webhook) // two pages
	w.webhook("a", 0)
	f := begin(t, &fault{Area: "answers", Name: "410 in mid-page", Made: "the second page of a list is refused with 410, twice, and then for good; then no more",
		Holds: "a list that expires is begun anew, at most 3 times, and a half-read one is never used: the last snapshot stays; afterwards the new state is published"})
	p := w.start("--refresh-timeout", "10s", "--refresh-interval", answerInterval.String(), "--no-watch")
	witness := attach(t, w.path, f, "a", "page-00000", "page-00599")
	var left atomic.Int64
	expire := front.unlessFirstPage(func(rw http.ResponseWriter, r *http.Request) bool {
		if left.Add(-1) < 0 {
			return false
		}
		refuse(http.StatusGone, "Expired")(rw, r)
		return true
	})
	for i := range times(5, 1) {
		left.Store(2)
		front.answer("list", expire)
		w.webhook("a", 2*i+1)
		p.Refresh()
		if err := hasNumber(p, "a", 2*i+1); err != nil {
			f.violation("after two that expired the third reading was not used: %v", err)
		}
		f.run()

		left.Store(1 << 40)
		front.answer("list", expire)
		begun := time.Now()
		w.webhook("a", 2*i+2)
		p.Until("fails", func() error { return failed(p, 2) })
		expectTransient(f, p)
		lists := front.asked().lists
		if most := budget(time.Since(begun), time.Second).lists * 8; lists > most {
			f.violation("%d pages asked for in %s, the budget is %d", lists, time.Since(begun), most)
		}
		front.answer("", nil)
		expectNumber(t, p, "a", 2*i+2)
		p.Until("is well again", func() error { return succeeded(p) })
		f.run()
	}
	witness.end()
}
