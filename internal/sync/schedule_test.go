package sync

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// step is one attempt's outcome and the plan that must follow.
type step struct {
	outcome *failure // nil: success
	wait    time.Duration
	trigger Trigger
	class   Class
}

// TestScheduleIsTheTableOfThePackageDoc goes through the rows of the table, each in the state that earlier steps make.
func TestScheduleIsTheTableOfThePackageDoc(t *testing.T) {
	transient := &failure{class: ClassTransient}
	permanent := &failure{class: ClassPermanent}
	denied := &failure{class: ClassPermanent, denied: true}
	after := func(f *failure, d time.Duration) *failure {
		out := *f
		out.retryAfter = d
		return &out
	}
	success := step{nil, 5 * time.Minute, TriggerPeriodic, ""}
	cases := map[string][]step{
		"start: transient failures take the start-up list, its last entry repeats": {
			{transient, time.Second, TriggerRetry, ClassTransient},
			{transient, 2 * time.Second, TriggerRetry, ClassTransient},
			{transient, 5 * time.Second, TriggerRetry, ClassTransient},
			{transient, 5 * time.Second, TriggerRetry, ClassTransient},
			success,
		},
		"start: permanent failures and denials take it too": {
			{permanent, time.Second, TriggerRetry, ClassPermanent},
			{denied, 2 * time.Second, TriggerRetry, ClassPermanent},
			success,
		},
		"transient: the backoff list up to max retries, then the interval and again": {
			success,
			{transient, 30 * time.Second, TriggerRetry, ClassTransient},
			{transient, time.Minute, TriggerRetry, ClassTransient},
			{transient, 2 * time.Minute, TriggerRetry, ClassTransient},
			{transient, 5 * time.Minute, TriggerPeriodic, ClassTransient},
			{transient, 30 * time.Second, TriggerRetry, ClassTransient},
		},
		"success ends a series": {
			success,
			{transient, 30 * time.Second, TriggerRetry, ClassTransient},
			success,
			{transient, 30 * time.Second, TriggerRetry, ClassTransient},
		},
		"permanent: the interval, and the series begins anew": {
			success,
			{transient, 30 * time.Second, TriggerRetry, ClassTransient},
			{permanent, 5 * time.Minute, TriggerPeriodic, ClassPermanent},
			{transient, 30 * time.Second, TriggerRetry, ClassTransient},
		},
		"denied: tried again after seconds and after a minute, then the interval": {
			success,
			{denied, 5 * time.Second, TriggerRetry, ClassTransient},
			{denied, time.Minute, TriggerRetry, ClassTransient},
			{denied, 5 * time.Minute, TriggerPeriodic, ClassPermanent},
			{denied, 5 * time.Minute, TriggerPeriodic, ClassPermanent},
			success,
			{denied, 5 * time.Second, TriggerRetry, ClassTransient},
		},
		"only the write failed: the interval": {
			success,
			{&failure{kind: typeWrite, onlyWrite: true}, 5 * time.Minute, TriggerPeriodic, ClassTransient},
		},
		"Retry-After wins if it is longer, at most the interval": {
			success,
			{after(transient, 40*time.Second), 40 * time.Second, TriggerRetry, ClassTransient},
			{after(transient, 40*time.Second), time.Minute, TriggerRetry, ClassTransient},
			{after(transient, 24*time.Hour), 5 * time.Minute, TriggerRetry, ClassTransient},
		},
	}
	for name, steps := range cases {
		t.Run(name, func(t *testing.T) {
			s := schedule{
				interval: 5 * time.Minute, maxRetries: 3,
				startup: []time.Duration{time.Second, 2 * time.Second, 5 * time.Second},
				backoff: []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute},
			}
			for i, step := range steps {
				got := s.plan(step.outcome)
				want := plan{step.wait, step.trigger, step.class}
				if diff := cmp.Diff(want, got, cmp.AllowUnexported(plan{})); diff != "" {
					t.Errorf("after attempt %d (-want +got):\n%s", i+1, diff)
				}
			}
		})
	}
}

func TestBackoffIsNeverLongerThanTheInterval(t *testing.T) {
	s := schedule{interval: 10 * time.Second, maxRetries: 3, startup: []time.Duration{time.Second}, backoff: []time.Duration{time.Minute}}
	s.plan(nil)
	if got := s.plan(&failure{class: ClassTransient}).wait; got != 10*time.Second {
		t.Errorf("got %s, want the interval of 10s", got)
	}
	s.plan(nil)
	denied := &failure{class: ClassPermanent, denied: true}
	s.plan(denied)
	if got := s.plan(denied).wait; got != 10*time.Second {
		t.Errorf("a second denial: got %s, want the interval of 10s", got)
	}
}

func TestJitterIsTakenOffButNotOffRetryAfter(t *testing.T) {
	s := schedule{interval: time.Minute, jitter: 0.1, maxRetries: 3, startup: []time.Duration{time.Second}, backoff: []time.Duration{time.Second}}
	shortened := false
	for range 1000 {
		wait := s.plan(nil).wait
		if wait < 54*time.Second || wait > time.Minute {
			t.Fatalf("got %s, want between 54s and 1m", wait)
		}
		shortened = shortened || wait < 59*time.Second
		if got := s.plan(&failure{class: ClassTransient, retryAfter: 20 * time.Second}).wait; got != 20*time.Second {
			t.Fatalf("got %s, want the server's 20s", got)
		}
	}
	if !shortened {
		t.Error("no wait of 1000 was shortened")
	}
}

func TestAFirstDenialIsTriedAgainWithinTwoToFiveSeconds(t *testing.T) {
	s := schedule{interval: time.Minute, jitter: 0.1, startup: []time.Duration{time.Second}, backoff: []time.Duration{time.Second}}
	for range 1000 {
		s.plan(nil)
		if wait := s.plan(&failure{class: ClassPermanent, denied: true}).wait; wait < 2*time.Second || wait > 5*time.Second {
			t.Fatalf("got %s, want between 2s and 5s", wait)
		}
	}
}

func BenchmarkRetryBackoff(b *testing.B) {
	s := schedule{interval: 5 * time.Minute, jitter: 0.1, maxRetries: 5, startup: []time.Duration{time.Second},
		backoff: []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute}}
	s.plan(nil)
	f := &failure{class: ClassTransient}
	b.ReportAllocs()
	for b.Loop() {
		s.plan(f)
	}
}
