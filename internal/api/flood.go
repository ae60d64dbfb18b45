package api

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

const (
	// floodWindow is how long, after a logged refusal, the same one is only counted.
	floodWindow = 10 * time.Second
	// maxTallies bounds memory, and with it the lines that any number of addresses can cause in one window.
	maxTallies = 256
	// manyAddresses is the address under which refusals are counted that found no tally free.
	manyAddresses = "many"
)

// refusalKey says which refusals are the same.
type refusalKey struct {
	address string // without port
	refusal errorCode
}

// tally is what became of one kind of refusal in its window.
type tally struct {
	since      time.Time // the logged one
	suppressed int       // those after it
}

func (t tally) open(now time.Time) bool { return now.Sub(t.since) < floodWindow }

// floodControl decides which refusals are logged: the first of each kind, and again after floodWindow. Those in between are counted,
// and each count is reported once: with the next line of its kind or, should none come, by settle. It has no timer of its own, so the
// last counts wait for the next refresh request, whoever makes it. Under manyAddresses a line may count other addresses' refusals.
type floodControl struct {
	mu      sync.Mutex
	tallies map[refusalKey]tally // at most maxTallies, and one per kind for manyAddresses
}

func newFloodControl() *floodControl { return &floodControl{tallies: make(map[refusalKey]tally)} }

// admit reports whether a refusal is to be logged, and how many like it were not since the last that was.
func (f *floodControl) admit(key refusalKey, now time.Time) (suppressed int, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, known := f.tallies[key]; !known && len(f.tallies) >= maxTallies {
		key.address = manyAddresses
	}
	t := f.tallies[key] // the zero tally's window has long passed
	if t.open(now) {
		t.suppressed++
		f.tallies[key] = t
		return 0, false
	}
	f.tallies[key] = tally{since: now}
	return t.suppressed, true
}

// settled is a count that no further refusal of its kind will report.
type settled struct {
	refusalKey
	suppressed int
}

// settle forgets the tallies whose window has passed and returns those that counted something, ordered by key.
func (f *floodControl) settle(now time.Time) []settled {
	f.mu.Lock()
	defer f.mu.Unlock()
	var counts []settled
	for key, t := range f.tallies {
		if t.open(now) {
			continue
		}
		delete(f.tallies, key)
		if t.suppressed > 0 {
			counts = append(counts, settled{key, t.suppressed})
		}
	}
	slices.SortFunc(counts, func(a, b settled) int {
		return cmp.Or(cmp.Compare(a.address, b.address), cmp.Compare(a.refusal, b.refusal))
	})
	return counts
}
