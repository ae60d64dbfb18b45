package compatibility_test

import (
	"maps"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
)

// fact is something about an API server that is not the same in every supported version.
type fact struct {
	what, how string
	slow      bool // takes minutes
	see       func(t *testing.T) string
}

// facts are the rows of the document's table, in order.
var facts = []fact{
	{"bookmark of a quiet resource", "a watch from the newest version, for 200 s in which no Secret changes", true,
		func(t *testing.T) string { return bookmark(t) }},
	{"the same, watch cache off", "with `--watch-cache-sizes=secrets#0`", true,
		func(t *testing.T) string { return bookmark(t, "--watch-cache-sizes=secrets#0") }},
	{"watch-list", "a watch with `sendInitialEvents=true`", false, watchList},
	{"a LIST without a version", "etcd's requests in the API server's metrics", false,
		func(t *testing.T) string { return listedFrom(t, 0) }},
	{"the same in pages", "with `limit=500`, as the sidecar asks", false,
		func(t *testing.T) string { return listedFrom(t, 500) }},
	{"a watch from a version in the future", "a Secret is made while it is open", false, futureWatch},
	{"native sidecars", "a pod with one, as a dry run", false, nativeSidecar},
	{"MutatingAdmissionPolicy", "discovery, with the API server's defaults", false, mutatingAdmissionPolicy},
	{"an expired token of a service account", "signed anew, expired 1, 9, 11, 59 and 61 s ago", false, tokenLeeway},
}

// TestFacts compares what the API server does with what the document says of its version.
func TestFacts(t *testing.T) {
	version := serverVersion(t, controlplane.Get(t))
	said := readColumns(t)
	var mu sync.Mutex
	seen := map[string]string{"seen on": time.Now().UTC().Format(time.DateOnly)}
	t.Run("group", func(t *testing.T) {
		for _, f := range facts {
			t.Run(f.what, func(t *testing.T) {
				if f.slow && !*patient {
					t.Skip("takes minutes; -args -patient looks at it")
				}
				if f.slow {
					t.Parallel()
				}
				got := f.see(t)
				t.Logf("%s: %s", version, got)
				mu.Lock()
				defer mu.Unlock()
				seen[f.what] = got
				if want := said[version][f.what]; got != want && !*write {
					t.Errorf("got %q of %s, but %s says %q; -args -patient -write writes what is seen", got, version, document, want)
				}
			})
		}
	})
	if *write && !t.Failed() {
		if said[version] == nil {
			said[version] = map[string]string{}
		}
		maps.Copy(said[version], seen)
		writeColumns(t, said)
	}
}

// serverVersion returns the version that runs, such as 1.37.2.
func serverVersion(t *testing.T, plane *controlplane.Plane) string {
	t.Helper()
	info, err := plane.Admin().Discovery().ServerVersion()
	if err != nil {
		t.Fatal(err)
	}
	version := strings.TrimPrefix(info.GitVersion, "v")
	if want := os.Getenv("KUBERNETES_VERSION"); want != "" && version != want {
		t.Fatalf("got Kubernetes %s, want %s", version, want)
	}
	return version
}
