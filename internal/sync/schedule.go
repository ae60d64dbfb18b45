package sync

import (
	"math/rand/v2"
	"time"
)

// deniedConfirmation is how long a rotated token or a new role may take to be seen by the API server and by this process: client-go
// caches a token for a minute.
const deniedConfirmation = 60 * time.Second

// schedule decides when the next refresh starts. It is the table of the package documentation.
type schedule struct {
	interval   time.Duration
	startup    []time.Duration
	backoff    []time.Duration
	maxRetries int
	jitter     float64 // up to this share is taken off each wait

	succeeded bool // since the process started
	failures  int  // of the present series of retries, or of the start
	confirmed bool // the outage's first denial has been tried again
}

// plan is what follows an attempt.
type plan struct {
	wait    time.Duration
	trigger Trigger
	class   Class
}

// success plans the refresh after a successful one.
func (s *schedule) success() plan {
	s.succeeded, s.confirmed, s.failures = true, false, 0
	return plan{wait: s.jittered(s.interval), trigger: TriggerPeriodic}
}

// written plans the refresh after one that failed only in its write: the write is tried again without it.
func (s *schedule) written() plan {
	s.failures = 0
	return plan{wait: s.jittered(s.interval), trigger: TriggerPeriodic, class: ClassTransient}
}

// failure plans the refresh after one that failed otherwise.
func (s *schedule) failure(f *failure) plan {
	p := plan{trigger: TriggerRetry, class: f.class}
	switch {
	case !s.succeeded:
		p.wait = s.jittered(entry(s.startup, s.failures))
		s.failures++
	case f.denied && !s.confirmed:
		s.confirmed = true
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

// entry returns the i-th wait of a list, whose last one repeats.
func entry(list []time.Duration, i int) time.Duration { return list[min(i, len(list)-1)] }
