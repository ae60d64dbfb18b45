package sync_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/alert-history/refresh-sidecar/internal/source"
	"github.com/alert-history/refresh-sidecar/internal/sync"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// lookElsewhere has the next manager look in another namespace, as a changed flag does.
func (h *harness) lookElsewhere() {
	h.config.Namespaces = []string{"other"}
	h.config.Origin.Namespaces = h.config.Namespaces
}

const none = "no Secret carries the label, the snapshot is empty"

// TestNothingNeverReplacesTargetsThatOtherFlagsFound: what a mistyped label or namespace finds.
func TestNothingNeverReplacesTargetsThatOtherFlagsFound(t *testing.T) {
	for name, c := range map[string]struct {
		change    func(h *harness)
		configure func(h *harness)
		want      string // in the error
	}{
		"another namespace": {change: (*harness).lookElsewhere, want: "kubernetes, namespaces other, label a=b"},
		"another label":     {change: func(h *harness) { h.config.Origin.LabelSelector = "a=typo"; h.cluster.delete(testNamespace, "a") }, want: "label a=typo"},
		"manifests": {change: func(h *harness) {
			h.config.Origin = targetsfile.Source{Kind: targetsfile.SourceManifests, Path: "m", LabelSelector: "a=b"}
			h.cluster.delete(testNamespace, "a")
		}, want: "manifests in m, label a=b"},
		"no valid Secret": {change: func(h *harness) { h.lookElsewhere(); h.cluster.spoil("other", "b") }, want: "namespaces other"},
		"a watch":         {configure: followed, change: (*harness).lookElsewhere, want: "namespaces other"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, c.configure, func(h *harness) {
				h.cluster.put(t, testNamespace, "a", "https://a")
				h.start()
				if err := h.Stop(time.Second); err != nil {
					t.Fatal(err)
				}
				before, _ := os.ReadFile(h.path)
				c.change(h)
				h.remake()
				h.start()
				h.pass(time.Hour)
				if after, err := os.ReadFile(h.path); err != nil || string(after) != string(before) {
					t.Errorf("got %s, %v; want the snapshot as it was", after, err)
				}
				s := h.GetStatus()
				if s.State != sync.StateFailed || s.ErrorClass != sync.ClassTransient || s.Ready {
					t.Errorf("got %s %s ready %t, want a transient failure, not ready", s.State, s.ErrorClass, s.Ready)
				}
				for _, want := range []string{c.want, "the snapshot in place has 1", "kubernetes, namespaces alert-history, label a=b", "not published"} {
					if !strings.Contains(s.Error, want) {
						t.Errorf("got error %q, want %q in it", s.Error, want)
					}
				}
				if !strings.Contains(s.Hint, "--label-selector") || h.metric(`publishing_refresh_errors_total{error_type="guard"}`) < 2 {
					t.Errorf("got hint %q and %v guard errors", s.Hint, h.metric(`publishing_refresh_errors_total{error_type="guard"}`))
				}
			})
		})
	}
}

// TestFlagsThatHaveFoundATargetMayFindNone: from then on no target is a state like any other.
func TestFlagsThatHaveFoundATargetMayFindNone(t *testing.T) {
	bubble(t, followed, func(h *harness) {
		h.edit("a", "https://a")
		h.start()
		before := h.published()
		h.cluster.delete(testNamespace, "a")
		h.pass(time.Second)
		h.expectNames("") // in this process
		h.edit("a", "https://a")
		h.pass(time.Second)
		if err := h.Stop(time.Second); err != nil {
			t.Fatal(err)
		}
		h.cluster.delete(testNamespace, "a")
		h.remake()
		h.start()
		h.expectNames("") // in the file
		if after := h.published(); after.Epoch != before.Epoch || len(h.logLines(none)) != 0 {
			t.Errorf("got epoch %s and %d warnings, want %s and none", after.Epoch, len(h.logLines(none)), before.Epoch)
		}
	})
	bubble(t, followed, func(h *harness) {
		h.edit("a", "https://a")
		h.start()
		if err := h.Stop(time.Second); err != nil {
			t.Fatal(err)
		}
		h.lookElsewhere()
		h.remake()
		h.start()
		h.expectNames("a")
		h.cluster.put(t, "other", "b", "https://b")
		h.pass(100 * time.Millisecond)
		h.expectNames("b") // without another LIST
		h.cluster.delete("other", "b")
		h.pass(time.Second)
		h.expectNames("")
	})
}

// TestZeroTargetsAreASnapshotLikeOthers: an app whose normal state may be none must start.
func TestZeroTargetsAreASnapshotLikeOthers(t *testing.T) {
	bubble(t, followed, func(h *harness) {
		h.cluster.set(func(c *cluster) { c.version = 1 }) // an API server has no version 0
		h.start()
		h.expectNames("")
		if s := h.GetStatus(); !s.Ready || s.State != sync.StateSuccess {
			t.Errorf("got ready %t, %s; want ready and success", s.Ready, s.State)
		}
		h.pass(time.Hour)
		lines := h.logLines(none)
		if len(lines) != 1 {
			t.Fatalf("got %d warnings, want one", len(lines))
		}
		if diff := cmp.Diff([]any{"kubernetes, namespaces alert-history, label a=b", "warn"}, []any{lines[0]["source"], lines[0]["level"]}); diff != "" {
			t.Errorf("the line (-want +got):\n%s", diff)
		}
		if hint, _ := lines[0]["hint"].(string); !strings.HasPrefix(hint, "the first one is live at once; ") {
			t.Errorf("got hint %q", hint)
		}
		h.edit("a", "https://a")
		h.pass(100 * time.Millisecond)
		h.expectNames("a")
	})
	t.Run("a broken Secret is not none", func(t *testing.T) {
		bubble(t, nil, func(h *harness) {
			h.cluster.putSecret(testNamespace, "a", source.Secret{Fault: &source.Fault{Reason: targetsfile.RejectParse}})
			h.start()
			if got := len(h.logLines(none)); got != 0 {
				t.Errorf("got %d warnings, want none: the Secret is named", got)
			}
		})
	})
}
