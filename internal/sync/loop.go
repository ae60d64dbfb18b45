package sync

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/rs/zerolog"
	"golang.org/x/time/rate"

	"github.com/alert-history/refresh-sidecar/internal/source"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// loop owns the state of refreshing. All its methods run in one goroutine and none blocks: the LIST, the write and the watches run
// in goroutines of their own and report by channel.
type loop struct {
	cfg     Config
	log     zerolog.Logger
	metrics *metrics
	manager *DefaultRefreshManager
	ctx     context.Context // of a running refresh; ends when Stop's patience does

	schedule  schedule
	limiter   *rate.Limiter // of manual refreshes
	catalogue *catalogue
	last      *targetsfile.Document // in place; nil: none of this source
	epoch     string
	vouched   time.Time         // end of the last complete LIST that may be published; zero: none of this process
	rejected  map[string]string // what is known to be rejected, see noteRejections
	status    RefreshStatus

	attempt    *attempt   // that runs; nil: none
	following  *following // the refresh that somebody asked for while another ran; nil: none
	series     string     // request ID of the refresh that retries belong to
	number     int        // of the attempt in its series
	failed     int        // attempts and writes, towards Config.Attempts
	next       *time.Timer
	nextIs     Trigger
	publishing *publication // that is being written; nil: none
	owed       *owed        // a write that failed and is tried again; nil: none
	writeAgain *time.Timer

	listed    chan []listed
	published chan publication
	events    chan source.Event
	asked     map[string]string // by namespace: the version that the source asked to be listed during a LIST
	changes   changes
	demands   demands

	attemptFault fault     // of the last attempt
	changeFault  fault     // of what was to be published after it
	mayRecover   bool      // the last attempt failed for something that can be over at any time
	heldUntil    time.Time // until when a server asked to be left alone
	forwarded    time.Time // when a refresh was last brought forward

	watches   context.Context // ends when Stop is called
	endWatch  context.CancelFunc
	watching  map[string]*watchState // by namespace
	followers int                    // that run
	ended     chan watchEnd
	workers   sync.WaitGroup
	stopping  bool
}

func newLoop(ctx context.Context, cfg Config, m *DefaultRefreshManager) *loop {
	l := &loop{
		cfg: cfg, log: cfg.Logger, manager: m, ctx: ctx,
		metrics:   newMetrics(&cfg),
		schedule:  cfg.schedule(),
		limiter:   cfg.limiter(),
		catalogue: newCatalogue(cfg.Namespaces),
		epoch:     uuid.NewString(),
		rejected:  map[string]string{},
		nextIs:    TriggerStartup,
		listed:    make(chan []listed),
		published: make(chan publication),
		events:    make(chan source.Event),
		asked:     map[string]string{},
		changes:   changes{since: map[string]map[string]source.Event{}, paced: idleTimer()},
		demands:   demands{timer: idleTimer()},
		watching:  map[string]*watchState{},
		ended:     make(chan watchEnd),
		status:    RefreshStatus{State: StateIdle},
	}
	l.watches, l.endWatch = context.WithCancel(ctx)
	l.status.Watch.Enabled = cfg.watcher() != nil
	for _, name := range cfg.Namespaces {
		l.status.Namespaces = append(l.status.Namespaces, NamespaceStatus{Name: name})
	}
	if cfg.Last != nil && cfg.Last.Source.Equal(cfg.Origin) {
		l.inherit(cfg.Last)
	}
	return l
}

// inherit continues the document that an earlier process left, so that a restart of the container is not to be seen.
func (l *loop) inherit(d *targetsfile.Document) {
	l.last, l.epoch = d, d.Epoch
	l.metrics.lastSuccess.Set(unixSeconds(d.RefreshedAt))
	l.metrics.setDocument(d, l.cfg.LastBytes)
	l.metrics.setInvalid(carriedRejections(d))
	l.showDocument(d, l.cfg.LastBytes)
	l.status.LastRefresh = d.RefreshedAt
	l.manager.published.Store(&Published{Document: d, Versions: make([]string, len(d.Entries))})
}

// carriedRejections are those that a document lists. It lists at most targetsfile.MaxRejections: until the first LIST the metric may be
// too low.
func carriedRejections(d *targetsfile.Document) []rejection {
	out := make([]rejection, len(d.Rejections))
	for i, r := range d.Rejections {
		out[i] = rejection{Rejection: r, carried: true}
	}
	return out
}

// idleTimer returns a timer that does not fire until it is reset.
func idleTimer() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

func (l *loop) run() {
	l.next = time.NewTimer(0)
	l.writeAgain = idleTimer()
	beat := time.NewTicker(heartbeatInterval)
	defer beat.Stop()
	stop := l.manager.stopping
	for !l.finished() {
		select {
		case r := <-l.manager.requests:
			a := l.request(r)
			l.show()
			r.reply <- a
		case <-l.next.C:
			l.begin(l.nextIs, cmp.Or(l.retrying(), uuid.NewString()))
		case results := <-l.listed:
			l.onListed(results)
		case p := <-l.published:
			l.onPublished(p)
		case <-l.writeAgain.C:
			l.publishOwed()
		case e := <-l.events:
			l.onEvent(e)
		case <-l.changes.paced.C:
			l.publishChanges()
		case end := <-l.ended:
			l.onWatchEnd(end)
		case <-l.demands.timer.C:
			l.meetDemand()
		case <-beat.C:
			l.manager.heartbeat()
		case <-stop:
			stop = nil
			l.stop()
		}
		l.show()
	}
	l.workers.Wait()
}

// request answers somebody who wants a refresh now.
func (l *loop) request(r request) answer {
	switch {
	case l.stopping:
		return answer{err: ErrStopped}
	case r.after && l.following != nil:
		return answer{run: l.following.run}
	case l.attempt != nil && !r.after:
		return answer{err: &InProgressError{Run: l.attempt.run}}
	}
	if token := l.limiter.Reserve(); token.Delay() > 0 {
		wait := token.Delay()
		token.Cancel()
		return answer{err: &RateLimitError{RetryAfter: wait}}
	}
	if l.attempt == nil {
		return answer{run: l.begin(TriggerManual, r.id), started: true}
	}
	l.following = &following{}
	l.following.run, l.following.end = NewRun(r.id, time.Time{})
	return answer{run: l.following.run, started: true}
}

// following is the refresh that is to begin when the present one has ended.
type following struct {
	run *Run
	end func(RefreshStatus, error)
}

// startFollowing starts the refresh that somebody asked for while another ran.
func (l *loop) startFollowing() {
	if f := l.following; f != nil && l.attempt == nil && !l.stopping {
		l.following = nil
		l.begin(TriggerManual, f.run.RequestID)
		l.attempt.endFollowing = f.end
	}
}

// retrying returns the request ID of the series that the armed refresh goes on with, or "".
func (l *loop) retrying() string {
	if l.nextIs == TriggerRetry {
		return l.series
	}
	return ""
}

// stop starts nothing any more. What runs may go on until the manager's context ends.
func (l *loop) stop() {
	l.stopping = true
	for _, timer := range []*time.Timer{l.next, l.writeAgain, l.changes.paced, l.demands.timer} {
		timer.Stop()
	}
	l.endWatch()
	if l.following != nil {
		l.following.end(l.status, ErrStopped)
		l.following = nil
	}
}

// finished reports whether the loop was stopped and nothing is under way.
func (l *loop) finished() bool {
	return l.stopping && l.attempt == nil && l.publishing == nil && l.followers == 0
}

// show makes the state visible to GetStatus.
func (l *loop) show() {
	status := l.status
	status.Stopping = l.stopping
	status.Ready = status.Ready && !l.stopping
	l.manager.status.Store(&status)
}

// showDocument enters the snapshot in place into the status.
func (l *loop) showDocument(d *targetsfile.Document, size int64) {
	kept := 0
	for i := range d.Entries {
		if !d.Entries[i].StaleSince.IsZero() {
			kept++
		}
	}
	l.status.Ready = true
	l.status.Discovered, l.status.Valid, l.status.Invalid = d.Discovered, d.Valid, d.Invalid
	l.status.Rejections = d.Rejections[:min(len(d.Rejections), maxRejectionsShown)]
	l.status.Snapshot = SnapshotStatus{
		Epoch: d.Epoch, Generation: d.Generation, Checksum: d.Checksum, Bytes: size,
		ChangedAt: d.ChangedAt, StaleAfter: d.StaleAfter, Kept: kept,
	}
}
