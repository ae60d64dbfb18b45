package sync

import (
	"math/rand/v2"
	"sync/atomic"
	"time"
)

const (
	// deniedAtStart bounds how long an API server that has just started refuses everybody: until it has read its roles.
	deniedAtStart = 5 * time.Second
	// deniedSpread is taken off deniedAtStart at random, so that pods do not return together.
	deniedSpread = 3 * time.Second
	// deniedConfirmation is how long a rotated token or a new role may take to be seen by the API server and by this process: client-go
	// caches a token for a minute.
	deniedConfirmation = 60 * time.Second

	// forwardWithin is how soon a refresh that is brought forward starts, spread over all pods: an API server that comes back has them all.
	forwardWithin = 2 * time.Second
	// forwardEvery is how often a refresh is brought forward at most: what comes and goes must not cost a LIST each time.
	forwardEvery = time.Minute

	requestFirst = time.Second      // between the starts of refreshes that watches ask for; it doubles
	requestMost  = 30 * time.Second // the longest such distance
)

// schedule decides when the next refresh starts and owns the one timer that starts it: armed while no refresh runs, stopped while one
// does. It is the table of the package documentation.
type schedule struct {
	interval   time.Duration
	startup    []time.Duration
	backoff    []time.Duration
	maxRetries int
	jitter     float64 // share that is taken off each wait at most

	timer   *time.Timer
	at      time.Time // when the timer fires; zero while it is stopped
	trigger Trigger   // why the timer will start a refresh

	succeeded bool // since the process started
	failures  int  // number of failures in the present series of retries, or since the start
	denials   int  // number of 401 and 403 in the present outage

	recoverable  bool      // the last attempt failed for something that can be over at any time
	hold         hold      // until when a server asked to be left alone
	forwarded    time.Time // when a refresh was brought forward last
	forwardAtEnd bool      // what the last attempts failed for ended during the attempt that runs
	stopped      bool
}

// hold is the time until which a server asked to be left alone. The loop sets it; checks of the server's version, which run beside it, read it.
type hold struct{ at atomic.Pointer[time.Time] }

func (h *hold) set(at time.Time) { h.at.Store(&at) }

// until returns the zero time while there is no hold.
func (h *hold) until() time.Time {
	if at := h.at.Load(); at != nil {
		return *at
	}
	return time.Time{}
}

// plan is what follows an attempt.
type plan struct {
	wait    time.Duration
	trigger Trigger
	class   Class
}

// begin stops the timer: a refresh starts.
func (s *schedule) begin() {
	s.timer.Stop()
	s.at, s.forwardAtEnd = time.Time{}, false
}

// stop stops the timer for good.
func (s *schedule) stop() {
	s.timer.Stop()
	s.at, s.stopped = time.Time{}, true
}

// end plans the refresh after one that failed with f, or succeeded if f is nil, and returns the class of the failure: a first denial counts
// as transient.
func (s *schedule) end(f *failure) Class {
	p := s.plan(f)
	s.recoverable = f != nil && p.class == ClassTransient && !f.denied
	s.hold.set(time.Time{})
	if f != nil {
		s.hold.set(time.Now().Add(min(f.retryAfter, s.interval)))
	}
	s.arm(p)
	if s.forwardAtEnd {
		s.bringForward()
	}
	return p.class
}

func (s *schedule) arm(p plan) {
	if s.stopped {
		return
	}
	s.trigger, s.at = p.trigger, time.Now().Add(p.wait)
	s.timer.Reset(p.wait)
}

// succeedLate takes in that the write of the last attempt, which was all that had failed, succeeded after all. The timer stays.
func (s *schedule) succeedLate() {
	s.succeeded, s.failures, s.denials = true, 0, 0
	s.recoverable = false
	s.hold.set(time.Time{})
}

// bringForward lets the armed refresh start within two seconds, because what the last attempt failed for is probably over. While an
// attempt runs it waits for its end: the attempt may have begun before the failure was over.
func (s *schedule) bringForward() {
	if s.at.IsZero() {
		s.forwardAtEnd = true
		return
	}
	if !s.recoverable || time.Since(s.forwarded) < forwardEvery {
		return
	}
	at := time.Now().Add(rand.N(forwardWithin)) // #nosec G404 -- it spreads load, it hides nothing
	if held := s.hold.until(); at.Before(held) {
		at = held
	}
	if !at.Before(s.at) {
		return
	}
	s.forwarded, s.at = time.Now(), at
	s.timer.Reset(time.Until(at))
}

// plan plans the refresh after one that failed with f, or succeeded if f is nil.
func (s *schedule) plan(f *failure) plan {
	switch {
	case f == nil:
		s.succeeded, s.denials, s.failures = true, 0, 0
		return plan{wait: s.jittered(s.interval), trigger: TriggerPeriodic}
	case f.onlyWrite: // it is tried again without a LIST
		s.failures = 0
		return plan{wait: s.jittered(s.interval), trigger: TriggerPeriodic, class: ClassTransient}
	}
	return s.planRetry(f)
}

// planRetry plans the refresh after one that failed in its LIST, or that the guard refused.
func (s *schedule) planRetry(f *failure) plan {
	if f.denied {
		s.denials++
	}
	p := plan{trigger: TriggerRetry, class: f.class}
	switch {
	case !s.succeeded:
		p.wait = s.jittered(entry(s.startup, s.failures))
		s.failures++
	case f.denied && s.denials == 1:
		p.class = ClassTransient
		p.wait = min(s.spread(deniedAtStart, deniedSpread), s.interval)
	case f.denied && s.denials == 2:
		p.class = ClassTransient
		p.wait = s.jittered(min(deniedConfirmation, s.interval))
	case f.class == ClassTransient && s.failures < s.maxRetries:
		p.wait = s.jittered(min(entry(s.backoff, s.failures), s.interval))
		s.failures++
	default:
		s.failures = 0
		p.trigger = TriggerPeriodic
		p.wait = s.jittered(s.interval)
	}
	p.wait = max(p.wait, min(f.retryAfter, s.interval))
	return p
}

// jittered takes a random share off a wait, so that pods that started together do not refresh together.
func (s *schedule) jittered(d time.Duration) time.Duration {
	return d - time.Duration(s.jitter*rand.Float64()*float64(d)) // #nosec G404 -- it spreads load, it hides nothing
}

// spread takes up to most off a wait, unless waits are exact.
func (s *schedule) spread(d, most time.Duration) time.Duration {
	if s.jitter == 0 {
		return d
	}
	return d - rand.N(most) // #nosec G404 -- it spreads load, it hides nothing
}

// entry returns the i-th wait of a list, whose last one repeats.
func entry(list []time.Duration, i int) time.Duration { return list[min(i, len(list)-1)] }

// requests are refreshes that watches and sources ask for, beside the schedule.
type requests struct {
	timer *time.Timer // fires when the next one may start

	// relists holds, by namespace, the version that the source wants to be listed. It is met at once, by a LIST that returns it.
	relists map[string]string

	watchAsks bool          // a watch may have missed something
	started   time.Time     // start of the last refresh for a watch
	distance  time.Duration // least time from there to the next such start
}

func newRequests() requests { return requests{timer: idleTimer(), relists: map[string]string{}} }

// relist takes in that the source wants a version to be listed.
func (r *requests) relist(namespace, version string) {
	r.relists[namespace] = version
	r.timer.Reset(0)
}

// listed takes in that a version was: it is what the source may have asked for.
func (r *requests) listed(namespace, version string) {
	if asked, ok := r.relists[namespace]; ok && asked == version {
		delete(r.relists, namespace)
	}
}

// begin takes in that a refresh starts, whatever for: what watches may have missed is in its LIST.
func (r *requests) begin() { r.watchAsks = false }

// fromWatch takes in that a watch ended in a way that may have missed something.
func (r *requests) fromWatch(heldUntil time.Time) {
	r.watchAsks = true
	r.arm(heldUntil)
}

// arm sets the timer to when the next refresh that is asked for may start.
func (r *requests) arm(heldUntil time.Time) {
	switch {
	case len(r.relists) > 0:
		r.timer.Reset(0)
	case r.watchAsks:
		wait := max(time.Until(r.started.Add(r.distance)), time.Until(heldUntil))
		r.timer.Reset(max(0, wait))
	}
}

// take reports whether a refresh is asked for, and takes the request.
func (r *requests) take() bool {
	switch {
	case len(r.relists) > 0:
		clear(r.relists)
	case r.watchAsks:
		r.started = time.Now()
		r.distance = min(max(requestFirst, 2*r.distance), requestMost)
	default:
		return false
	}
	return true
}
