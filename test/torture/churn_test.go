package torture_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// churn changes Secrets all the time: it updates and breaks those that stay, and makes and deletes others.
type churn struct {
	w      *world
	stay   []string
	other  []string
	pause  time.Duration
	size   int // of each target's filter_config, in bytes
	random *rand.Rand

	number  int
	current map[string]int // the last number put, of Secrets that are there and whole
	cancel  context.CancelFunc
	done    sync.WaitGroup
}

// newChurn makes Secrets that stay, and returns what will change them.
func newChurn(w *world, stay, size int, pause time.Duration) *churn {
	w.t.Helper()
	c := &churn{w: w, size: size, pause: pause, random: rand.New(rand.NewPCG(7, uint64(stay))), current: map[string]int{}} // #nosec G404 -- no secret
	for i := range stay {
		c.stay = append(c.stay, fmt.Sprintf("stay-%05d", i))
		c.other = append(c.other, fmt.Sprintf("other-%05d", i))
		c.current[c.stay[i]] = 0
	}
	w.createMany("stay", stay, func(i int) map[string]string { return c.content(c.stay[i], "", 0) })
	return c
}

// content is the data of a Secret. With something before the scheme of its URL it yields no target.
func (c *churn) content(name, broken string, number int) map[string]string {
	return map[string]string{"target.json": fmt.Sprintf(`{"name":%q,"type":"webhook","url":"%shttps://example.com/%d","filter_config":{"x":%q}}`,
		name, broken, number, strings.Repeat("x", c.size))}
}

// begin changes Secrets until stop.
func (c *churn) begin() {
	ctx, cancel := context.WithCancel(c.w.t.Context())
	c.cancel = cancel
	c.done.Go(func() {
		tick := time.NewTicker(c.pause)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				c.change()
			}
		}
	})
	c.w.t.Cleanup(c.stop)
}

func (c *churn) change() {
	c.number++
	name := c.stay[c.random.IntN(len(c.stay))]
	var err error
	switch kind := c.random.IntN(10); {
	case kind == 0:
		err = c.w.tryPut(name, c.content(name, "broken", c.number))
		delete(c.current, name)
	case kind == 1:
		name = c.other[c.random.IntN(len(c.other))]
		if _, there := c.current[name]; there {
			err = c.w.admin.CoreV1().Secrets(c.w.namespace).Delete(c.w.t.Context(), name, metav1.DeleteOptions{})
			delete(c.current, name)
			break
		}
		err = c.w.tryPut(name, c.content(name, "", c.number))
		c.current[name] = c.number
	default:
		err = c.w.tryPut(name, c.content(name, "", c.number))
		c.current[name] = c.number
	}
	if err != nil && c.w.t.Context().Err() == nil {
		c.w.t.Errorf("changing %s: %v", name, err)
	}
}

// stop ends the changes. From then on current agrees with the API server.
func (c *churn) stop() {
	c.cancel()
	c.done.Wait()
}

// arrived returns an error that names what of the present state a snapshot does not show.
func (c *churn) arrived(f *rawFile) error {
	if f == nil {
		return fmt.Errorf("there is no snapshot")
	}
	for name, number := range c.current {
		if got, there := f.numbers[name]; !there || got != number {
			return fmt.Errorf("%s is at %d (%t), want %d", name, got, there, number)
		}
	}
	for _, name := range c.other {
		if _, there := c.current[name]; there == (f.lost([]string{name}) != "") {
			return fmt.Errorf("%s is there: %t, want %t", name, !there, there)
		}
	}
	return nil
}
