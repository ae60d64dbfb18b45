package sync_test

import (
	"strings"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/internal/sync"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// forgeTarget changes the first target of the document in place.
func forgeTarget(change func(*targetsfile.Target)) func(*targetsfile.Document) {
	return func(d *targetsfile.Document) {
		target := d.Entries[0].Target
		change(&target)
		d.Entries[0], _ = targetsfile.NewEntry(target) // its values stay JSON
	}
}

func forgeRejection(r targetsfile.Rejection) func(*targetsfile.Document) {
	return func(d *targetsfile.Document) {
		d.Rejections, d.Discovered, d.Invalid = append(d.Rejections, r), d.Discovered+1, d.Invalid+1
	}
}

// TestOnlyWhatMayBeItsOwnIsInherited starts on files that somebody else wrote.
func TestOnlyWhatMayBeItsOwnIsInherited(t *testing.T) {
	good := targetsfile.Rejection{Secret: testNamespace + "/x", Reason: targetsfile.RejectParse, Message: "m", Serving: targetsfile.ServingNothing}
	bad := func(change func(*targetsfile.Rejection)) func(*targetsfile.Document) {
		r := good
		change(&r)
		return forgeRejection(r)
	}
	cases := map[string]struct {
		forge func(*targetsfile.Document)
		rule  string // in the log; empty: the document is inherited
	}{
		"nothing":        {forge: func(*targetsfile.Document) {}},
		"far generation": {forge: func(d *targetsfile.Document) { d.Generation = 1_000_000 }},
		"a rejection":    {forge: forgeRejection(good)},
		"a last good target": {forge: func(d *targetsfile.Document) {
			d.Entries[0], d.Valid, d.Discovered = d.Entries[0].Stale(time.Now()), 0, 0
		}},
		"generation of 2^53": {func(d *targetsfile.Document) { d.Generation = 1 << 53 }, "the generation is beyond 2^53"},
		"largest generation": {func(d *targetsfile.Document) { d.Generation = 1<<64 - 1 }, "the generation is beyond 2^53"},
		"long epoch":         {func(d *targetsfile.Document) { d.Epoch = strings.Repeat("e", 200_000) }, "the epoch is no UUID"},
		"UUID in braces":     {func(d *targetsfile.Document) { d.Epoch = "{" + d.Epoch + "}" }, "the epoch is no UUID"},
		"refreshed in a week": {func(d *targetsfile.Document) {
			d.RefreshedAt = d.RefreshedAt.Add(7 * 24 * time.Hour)
			d.StaleAfter = d.RefreshedAt
		}, "a time is in the future"},
		"changed in a week":      {func(d *targetsfile.Document) { d.ChangedAt = d.ChangedAt.Add(7 * 24 * time.Hour) }, "a time is in the future"},
		"refreshed in year one":  {func(d *targetsfile.Document) { d.RefreshedAt = time.Time{} }, "before the year 2000"},
		"stale before refreshed": {func(d *targetsfile.Document) { d.StaleAfter = d.RefreshedAt.Add(-1) }, "stale_after is before refreshed_at"},
		"stale in a week":        {forgeTarget(func(t *targetsfile.Target) { t.StaleSince = time.Now().Add(7 * 24 * time.Hour) }), "target 1: stale_since is in the future"},
		"unknown type":           {forgeTarget(func(t *targetsfile.Target) { t.Type = "evil" }), "target 1: must be one of"},
		"a Secret's format":      {forgeTarget(func(t *targetsfile.Target) { t.PayloadFormat = "slack" }), "target 1: must be one of"},
		"name":                   {forgeTarget(func(t *targetsfile.Target) { t.Name = "../a" }), "target 1: must be a DNS-1123 label"},
		"no Secret":              {forgeTarget(func(t *targetsfile.Target) { t.Secret = "" }), "target 1: no Secret of this source yields it"},
		"other namespace":        {forgeTarget(func(t *targetsfile.Target) { t.Secret = "kube-system/a" }), "target 1: no Secret of this source yields it"},
		"more valid":             {func(d *targetsfile.Document) { d.Valid, d.Discovered = 1_000_000, 1_000_000 }, "the counts do not fit"},
		"negative invalid":       {func(d *targetsfile.Document) { d.Invalid, d.Discovered = -1, 0 }, "the counts do not fit"},
		"unknown reason":         {bad(func(r *targetsfile.Rejection) { r.Reason = "evil" }), "rejection 1: the reason is unknown"},
		"unknown serving":        {bad(func(r *targetsfile.Rejection) { r.Serving = "evil" }), "rejection 1: what is served is unknown"},
		"long message":           {bad(func(r *targetsfile.Rejection) { r.Message = strings.Repeat("m", 1<<20) }), "rejection 1: the message is too long"},
		"rejection elsewhere":    {bad(func(r *targetsfile.Rejection) { r.Secret = "kube-system/a" }), "rejection 1: it is of no Secret"},
		"rejection of none":      {bad(func(r *targetsfile.Rejection) { r.Secret = "a\n/b" }), "rejection 1: it is of no Secret"},
		"many rejections": {func(d *targetsfile.Document) {
			for range targetsfile.MaxRejections + 1 {
				forgeRejection(good)(d)
			}
		}, "more than 1000 rejections"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, func(h *harness) {
				h.cluster.put(t, testNamespace, "a", "https://a")
				h.start()
				before := h.published()
				if err := h.Stop(time.Second); err != nil {
					t.Fatal(err)
				}
				h.forge(c.forge)
				h.cluster.fail(transient())
				h.remake()
				if inherited := h.GetStatus().Ready; inherited != (c.rule == "") {
					t.Errorf("got inherited %t", inherited)
				}
				lines := h.logLines("the snapshot in place is not usable, starting a new epoch; it stays until the first publication")
				if c.rule == "" && len(lines) > 0 || c.rule != "" && (len(lines) != 1 || !strings.Contains(lines[0]["error"].(string), c.rule)) {
					t.Errorf("got lines %v, want one with %q", lines, c.rule)
				}
				h.start()
				if h.published().Epoch != h.config.Last.Epoch {
					t.Error("the file in place did not stay until the first publication")
				}
				h.cluster.fail(nil)
				h.pass(time.Minute)
				h.expectNames("a")
				after := h.published()
				if (after.Epoch == before.Epoch) != (c.rule == "") || after.Generation == 0 || c.rule != "" && after.Generation != 1 {
					t.Errorf("got %s/%d, was %s", after.Epoch, after.Generation, before.Epoch)
				}
			})
		})
	}
}

// TestAForbiddenNamespaceIsNotValidForEver: what a file says of a namespace that this process may not read is only the last good.
func TestAForbiddenNamespaceIsNotValidForEver(t *testing.T) {
	bubble(t, twoNamespaces, func(h *harness) {
		h.cluster.put(t, "one", "a", "https://a")
		h.cluster.put(t, "two", "b", "https://b")
		h.start()
		if err := h.Stop(time.Second); err != nil {
			t.Fatal(err)
		}
		h.cluster.set(func(c *cluster) {
			c.failing["two"] = denied()
		})
		h.remake()
		h.start()
		h.pass(30 * time.Second)
		h.expectNames("a b") // the role may be about to come
		h.pass(time.Minute + 10*time.Second)
		h.expectNames("a b'")
		if s := h.GetStatus(); s.Valid != 1 || s.Discovered != 1 || s.ErrorClass != sync.ClassPermanent {
			t.Errorf("got %d valid of %d, class %s; want 1 of 1, permanent", s.Valid, s.Discovered, s.ErrorClass)
		}
		h.cluster.set(func(c *cluster) { delete(c.failing, "two") })
		h.pass(5 * time.Minute)
		h.expectNames("a b")
	})
}
