package targetsfile_test

import (
	"context"
	"fmt"
	"log"
	"slices"
	"sync/atomic"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// lane delivers alerts to one target, one after the other, from a queue that outlives every change of the target.
type lane struct {
	content atomic.Pointer[content] // as it is now: whoever tries again asks again, for the token may have been rotated meanwhile
	queue   chan string
	gone    chan struct{} // closed when the target went; the queue is never closed, so that a late alert does no harm
	stopped chan struct{} // closed when no further alert comes, and what is queued is to be delivered
	ended   chan struct{} // closed when the worker has returned
}

// content is what belongs together of a target, and changes in one step.
type content struct {
	target targetsfile.Target
	filter struct {
		Severity []string `json:"severity"` // nil: all
	}
}

// newLane is what Derive calls for each new or changed target.
func newLane(target targetsfile.Target, old *lane) (*lane, error) {
	now := &content{target: target}
	if err := target.DecodeFilter(&now.filter); err != nil && target.Enabled { // what can fail comes first: the lane goes on as it was
		return nil, err
	}
	if old != nil {
		old.content.Store(now)
		return old, nil
	}
	l := &lane{queue: make(chan string, 100), gone: make(chan struct{}), stopped: make(chan struct{}), ended: make(chan struct{})}
	l.content.Store(now)
	go l.run()
	return l, nil
}

// drop is what Derive calls for a target that went: its queue goes with it.
func (l *lane) drop() { close(l.gone) }

// enqueue reports whether the alert was taken. Where the queue is full or the target went meanwhile, the app decides.
func (l *lane) enqueue(alert, severity string) bool {
	if wanted := l.content.Load().filter.Severity; wanted != nil && !slices.Contains(wanted, severity) {
		return true
	}
	select {
	case l.queue <- alert:
		return true
	case <-l.gone:
		return false
	default:
		return false
	}
}

func (l *lane) run() {
	defer close(l.ended)
	for {
		select {
		case <-l.gone:
			return
		case alert := <-l.queue:
			l.deliver(alert)
		case <-l.stopped:
			for len(l.queue) > 0 {
				l.deliver(<-l.queue)
			}
			return
		}
	}
}

func (l *lane) deliver(alert string) {
	if now := l.content.Load(); now.target.Enabled { // it may have been switched off while the alert waited
		fmt.Println(alert, "to", now.target)
	}
}

// A value with a queue and a worker: alerts that wait are lost neither when the target changes nor when the app ends.
func ExampleDerive_queue() {
	path, remove := exampleFile()
	defer remove()
	ctx := context.Background()
	reader, err := targetsfile.Open(ctx, path) // not with the context of SIGTERM: the queues are emptied after it
	if err != nil {
		log.Fatal(err)
	}
	lanes := targetsfile.Derive(reader, newLane, (*lane).drop)
	if err := reader.WaitReady(ctx); err != nil {
		log.Fatal(err)
	}

	for target, lane := range lanes.Enabled() {
		if !lane.enqueue("DiskFull", "critical") {
			log.Printf("%s does not keep up", target.Name)
		}
	}

	// At the end, when no further alert comes:
	if err := reader.Close(); err != nil { // from now on no lane is made or dropped
		log.Fatal(err)
	}
	for _, lane := range lanes.All() {
		close(lane.stopped)
	}
	for _, lane := range lanes.All() {
		<-lane.ended
	}
	// Unordered output:
	// DiskFull to target pager (pagerduty, https://events.pagerduty.com, enabled=true)
	// DiskFull to target slack-prod (slack, https://hooks.slack.com, enabled=true)
}
