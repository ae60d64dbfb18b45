package sync

import (
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
)

const (
	demandFirst = time.Second      // between the starts of refreshes that watches ask for; it doubles
	demandMost  = 30 * time.Second // up to this
	// forwardWithin is how soon a refresh that is brought forward starts, spread over all pods: an API server that comes back has them all.
	forwardWithin = 2 * time.Second
	// forwardEvery is how often at most: what comes and goes must not cost a LIST each time.
	forwardEvery = time.Minute
)

// demands are refreshes that watches ask for because they may have missed something.
type demands struct {
	pending bool
	timer   *time.Timer   // fires when the pending one may start
	started time.Time     // the last one
	gap     time.Duration // that the next one keeps to it
}

// demand asks for a refresh, since a watch ended in a way that may have missed something. A LIST that runs satisfies it.
func (l *loop) demand(end watchEnd) {
	if end.lived >= settled {
		l.demands.gap = 0
	}
	if l.listing() || l.stopping {
		return
	}
	l.demands.pending = true
	l.armDemand()
}

// armDemand sets the timer of the pending demand.
func (l *loop) armDemand() {
	wait := max(time.Until(l.demands.started.Add(l.demands.gap)), time.Until(l.heldUntil))
	l.demands.timer.Reset(max(0, wait))
}

// meetDemand starts the refresh that watches asked for, or leaves it to the end of the one that runs.
func (l *loop) meetDemand() {
	if !l.demands.pending || l.attempt != nil || l.stopping {
		return
	}
	l.demands.started = time.Now()
	l.demands.gap = min(max(demandFirst, 2*l.demands.gap), demandMost)
	l.begin(TriggerWatch, uuid.NewString())
}

// refreshIfAsked starts a refresh that the source asked for, also one that it asked for while another was reading.
func (l *loop) refreshIfAsked() {
	if l.attempt != nil || l.stopping {
		return
	}
	if len(l.asked) > 0 {
		clear(l.asked)
		l.begin(TriggerWatch, uuid.NewString())
		return
	}
	if l.demands.pending {
		l.armDemand()
	}
}

// bringForward lets the armed refresh start within two seconds, because what the last attempt failed for is probably over.
func (l *loop) bringForward() {
	if l.attempt != nil || l.stopping || !l.mayRecover || time.Since(l.forwarded) < forwardEvery {
		return
	}
	at := time.Now().Add(rand.N(forwardWithin)) // #nosec G404 -- it spreads load, it hides nothing
	if at.Before(l.heldUntil) {
		at = l.heldUntil
	}
	if !at.Before(l.status.NextRefresh) {
		return
	}
	l.forwarded = time.Now()
	l.next.Reset(time.Until(at))
	l.status.NextRefresh = at
}
