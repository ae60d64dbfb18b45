package sync

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/rs/zerolog"
	"golang.org/x/time/rate"

	"github.com/alert-history/refresh-sidecar/internal/source"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// loop owns the state of refreshing, in parts that each know one thing. All methods of the loop and its parts run in one goroutine and
// none blocks: the LIST, the write and the watches run in goroutines of their own and report by channel. After each report the loop
// derives from its parts what the outside sees.
type loop struct {
	cfg     Config
	log     zerolog.Logger
	metrics *metrics
	manager *DefaultRefreshManager
	ctx     context.Context // ends when the patience of Stop does; a running LIST ends with it

	limiter      *rate.Limiter // of manual refreshes
	schedule     schedule
	requests     requests
	attempts     attempts
	failed       int // attempts and writes, towards Config.Attempts
	catalogue    *catalogue
	publications publications
	following    following
	reports      reports

	workers  sync.WaitGroup
	stopping bool
}

func newLoop(ctx context.Context, cfg Config, m *DefaultRefreshManager) *loop {
	l := &loop{
		cfg: cfg, log: cfg.Logger, manager: m, ctx: ctx,
		metrics:      newMetrics(&cfg),
		limiter:      cfg.limiter(),
		schedule:     cfg.schedule(),
		requests:     newRequests(),
		attempts:     attempts{listed: make(chan []listed)},
		catalogue:    newCatalogue(cfg.Namespaces),
		publications: newPublications(),
		following:    newFollowing(ctx, &cfg),
	}
	l.reports = reports{metrics: l.metrics, rejected: map[string]string{}, warnings: map[string]*source.Secret{}}
	l.inherit()
	return l
}

// inherit goes on from the document that an earlier process of this source left. Of another source's it remembers that it has targets.
func (l *loop) inherit() {
	last := l.cfg.Last
	l.cfg.Last = nil // a document that is not inherited would stay in memory
	if last == nil {
		return
	}
	own := last.Source.Equal(l.cfg.Origin)
	err := checkPlausible(last, last.Source, time.Now())
	switch {
	case own && err != nil:
		l.log.Warn().Err(err).Msg("the snapshot in place is not usable, starting a new epoch; it stays until the first publication")
	case own:
		l.publications.inherit(last, l.cfg.LastBytes)
	case err == nil && len(last.Entries) > 0:
		l.publications.other = &otherSnapshot{source: last.Source, targets: len(last.Entries)}
	}
}

// idleTimer returns a timer that does not fire until it is reset.
func idleTimer() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

func (l *loop) run() {
	l.schedule.arm(plan{trigger: TriggerStartup})
	beat := time.NewTicker(heartbeatInterval)
	defer beat.Stop()
	stop := l.manager.stopping
	for !l.finished() {
		select {
		case r := <-l.manager.requests:
			a := l.request(r)
			l.show()
			r.reply <- a
		case <-l.schedule.timer.C:
			l.begin(l.schedule.trigger)
		case <-l.requests.timer.C:
			l.meetRequest()
		case results := <-l.attempts.listed:
			l.onListed(results)
		case p := <-l.publications.ended:
			l.onPublished(p)
		case <-l.publications.again.C:
			l.publishAgain()
		case <-l.publications.paced.C:
			l.publishChanges()
		case e := <-l.following.events:
			l.onEvent(e)
		case end := <-l.following.ended:
			l.onWatchEnd(end)
		case seen := <-l.following.checked:
			l.onVersion(seen)
		case <-beat.C:
			l.manager.heartbeat()
			l.checkInPlace()
			l.freeNames()
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
	running := l.attempts.running
	switch {
	case l.stopping:
		return answer{err: ErrStopped}
	case running != nil && !r.mayFollow:
		return answer{err: &InProgressError{Run: running.run}}
	case running != nil && l.attempts.planned != nil:
		return answer{run: l.attempts.planned.run}
	}
	token := l.limiter.Reserve()
	free := token.Delay() > 0
	if free {
		wait := token.Delay()
		token.Cancel()
		if running == nil || running.free {
			return answer{err: &RateLimitError{RetryAfter: wait}}
		}
	}
	if running != nil {
		return answer{run: l.attempts.plan(r.id, free), began: true}
	}
	return answer{run: l.start(TriggerManual, r.id).run, began: true}
}

// begin starts the refresh that the schedule has come to. A retry goes on with the request ID of what it retries.
func (l *loop) begin(trigger Trigger) {
	id := uuid.NewString()
	if trigger == TriggerRetry {
		id = l.attempts.last.run.RequestID
	}
	l.start(trigger, id)
}

// meetRequest starts the refresh that watches or the source asked for, unless one runs: its end comes back to the request.
func (l *loop) meetRequest() {
	if l.attempts.running != nil || l.stopping || !l.requests.take() {
		return
	}
	l.begin(TriggerWatch)
}

// last returns the document in place, nil if there is none of this source.
func (l *loop) last() *targetsfile.Document {
	if l.publications.inPlace == nil {
		return nil
	}
	return l.publications.inPlace.Document
}

// stop starts nothing any more. What runs may go on until the manager's context ends.
func (l *loop) stop() {
	l.stopping = true
	l.schedule.stop()
	l.requests.timer.Stop()
	l.publications.stop()
	l.following.stop()
	l.attempts.dropPlanned()
}

// finished reports whether the loop was stopped and nothing is under way.
func (l *loop) finished() bool {
	return l.stopping && l.attempts.running == nil && l.publications.writing == nil && l.following.running == 0
}
