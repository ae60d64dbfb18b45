package sync

import (
	"fmt"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/internal/source"
)

// TestTheCatalogueHoldsOneListing: Secrets that change one after the other, each found by a LIST, must not each keep alive all that its LIST
// listed.
func TestTheCatalogueHoldsOneListing(t *testing.T) {
	const secrets, lists = 2000, 300
	version := make([]int, secrets)
	list := func(c *catalogue, at int) {
		l := source.Listing{Namespace: "a", ResourceVersion: strconv.Itoa(at), Secrets: make([]source.Secret, secrets)}
		for i := range l.Secrets {
			l.Secrets[i] = source.Secret{Key: fmt.Sprintf("a/%04d", i), ResourceVersion: strconv.Itoa(version[i]), Fault: &source.Fault{}}
		}
		c.replace(l, time.Time{})
	}
	inUse := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	c := newCatalogue([]string{"a"})
	list(c, 1)
	before := inUse()
	for i := range lists {
		version[i] = i + 2
		list(c, i+2)
	}
	if grown := inUse() - before; grown > 5<<20 {
		t.Errorf("%d LISTs with one change each took %d MiB more", lists, grown>>20)
	}
	runtime.KeepAlive(c)
}
