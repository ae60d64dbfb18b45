package follow_test

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// check reads the raw file, over and over, until stop is called: whatever is there at any moment must be a whole document, none older
// than the one before, and with all the targets that are to be kept.
func (e *engine) check(keeps []string) (stop func()) {
	c := checker{t: e.t, path: e.path, edits: map[string]int{}, keeps: map[string]bool{}}
	for _, name := range keeps {
		c.keeps[name] = false
	}
	done := make(chan struct{})
	var checking sync.WaitGroup
	checking.Go(func() {
		tick := time.NewTicker(500 * time.Microsecond) // so that some processor time is left to what is watched
		defer tick.Stop()
		for {
			c.look()
			select {
			case <-done:
				c.look()
				return
			case <-tick.C:
			}
		}
	})
	return func() {
		close(done)
		checking.Wait()
		if c.seen == 0 {
			e.t.Error("no snapshot was ever seen")
		}
	}
}

type checker struct {
	t     testing.TB
	path  string
	bytes []byte // of the last document
	last  *targetsfile.Document
	seen  int             // the number of documents
	edits map[string]int  // by target: the highest edit seen
	keeps map[string]bool // by target: whether it was seen
}

func (c *checker) look() {
	text, err := os.ReadFile(c.path)
	switch {
	case errors.Is(err, os.ErrNotExist) && c.last == nil:
		return
	case err != nil:
		c.t.Errorf("reading the snapshot: %v", err)
		return
	case bytes.Equal(text, c.bytes):
		return
	}
	c.bytes = text
	d, err := targetsfile.Decode(text)
	if err != nil {
		c.t.Errorf("a snapshot is not whole: %v", err)
		return
	}
	c.seen++
	c.compare(d)
	c.last = d
}

// compare compares a document with the one before it.
func (c *checker) compare(d *targetsfile.Document) {
	if last := c.last; last != nil {
		if d.Epoch != last.Epoch || d.Generation < last.Generation || d.RefreshedAt.Before(last.RefreshedAt) ||
			d.Generation == last.Generation && d.Checksum != last.Checksum {
			c.t.Errorf("generation %d of %s, refreshed at %s, came after generation %d of %s, refreshed at %s",
				d.Generation, d.Epoch, d.RefreshedAt, last.Generation, last.Epoch, last.RefreshedAt)
		}
	}
	missing := map[string]bool{}
	for name, seen := range c.keeps {
		missing[name] = seen
	}
	for _, target := range d.Entries {
		delete(missing, target.Name)
		if _, keep := c.keeps[target.Name]; keep {
			c.keeps[target.Name] = true
		}
		edit, err := strconv.Atoi(strings.TrimPrefix(target.URL, "https://example.com/"))
		if err != nil {
			continue
		}
		if edit < c.edits[target.Name] {
			c.t.Errorf("generation %d has edit %d of %s, after edit %d", d.Generation, edit, target.Name, c.edits[target.Name])
		}
		c.edits[target.Name] = max(edit, c.edits[target.Name])
	}
	for name, seen := range missing {
		if seen {
			c.t.Errorf("generation %d lacks target %s, which was there before", d.Generation, name)
		}
	}
}
