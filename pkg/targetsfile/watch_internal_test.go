package targetsfile

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/fsnotify/fsnotify"
)

// A watcher of which the test holds the other end: the kernel loses events, or a watch, only when it likes.
func TestForward(t *testing.T) {
	event := func(name string) func(*fsnotify.Watcher) {
		return func(w *fsnotify.Watcher) { w.Events <- fsnotify.Event{Name: name, Op: fsnotify.Create} }
	}
	fault := func(err error) func(*fsnotify.Watcher) {
		return func(w *fsnotify.Watcher) { w.Errors <- err }
	}
	for _, test := range []struct {
		name   string
		happen func(*fsnotify.Watcher)
		nudged bool
		ended  bool
		broken bool
	}{
		{"the file", event("/run/shared/targets.json"), true, false, false},
		{"the file, by another name of the directory", event("./targets.json"), true, false, false},
		{"the directory", event("/run/shared"), true, false, false},
		{"the link of a projected volume", event("/run/shared/..data"), true, false, false},
		{"another file", event("/run/shared/.targets.json123"), false, false, false},
		{"events were lost", fault(fsnotify.ErrEventOverflow), true, false, false},
		{"the watcher broke", fault(errors.New("bad descriptor")), false, true, true},
		{"no more events", func(w *fsnotify.Watcher) { close(w.Events) }, false, true, false},
		{"no more errors", func(w *fsnotify.Watcher) { close(w.Errors) }, false, true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			watcher := &fsnotify.Watcher{Events: make(chan fsnotify.Event), Errors: make(chan error)}
			nudges, ended := make(chan struct{}, 1), make(chan bool, 1)
			go func() { ended <- forward(watcher, "/run/shared/targets.json", nudges) }()
			test.happen(watcher)
			if !test.ended {
				event("/other")(watcher) // taken only when the one before has been dealt with
				close(watcher.Events)
			}
			if got := <-ended; got != test.broken {
				t.Errorf("got broken %t, want %t", got, test.broken)
			}
			if got := len(nudges) == 1; got != test.nudged {
				t.Errorf("got nudged %t, want %t", got, test.nudged)
			}
		})
	}
}

func TestBrokenWatchNudgesOnceItIsSeenToBeBroken(t *testing.T) {
	nudges := make(chan struct{}, 1)
	watch, err := watchDirectory(filepath.Join(t.TempDir(), "targets.json"), nudges)
	if err != nil {
		t.Fatal(err)
	}
	defer watch.close()
	if !watch.intact() {
		t.Error("got a new watch that is not intact")
	}
	watch.watcher.Errors <- errors.New("bad descriptor")
	<-nudges
	if watch.intact() {
		t.Error("got a broken watch that is intact")
	}
}

func TestWatchIsIntact(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(dir, link string) error
		want   bool
	}{
		{"as it was", func(_, _ string) error { return nil }, true},
		{"directory deleted", func(dir, _ string) error { return os.Remove(dir) }, false},
		{"directory deleted and made again", func(dir, _ string) error {
			return errors.Join(os.Remove(dir), os.Mkdir(dir, 0o700)) // often with the same inode number
		}, false},
		{"directory renamed", func(dir, _ string) error { return os.Rename(dir, dir+".old") }, false},
		{"directory renamed and back", func(dir, _ string) error { // fsnotify has dropped it meanwhile
			return errors.Join(os.Rename(dir, dir+".old"), os.Rename(dir+".old", dir))
		}, false},
		{"link to another directory", func(dir, link string) error { // no event tells of it
			return errors.Join(os.Mkdir(dir+".new", 0o700), os.Remove(link), os.Symlink(dir+".new", link))
		}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := t.TempDir()
			dir, link := filepath.Join(root, "shared"), filepath.Join(root, "link")
			if err := errors.Join(os.Mkdir(dir, 0o700), os.Symlink(dir, link)); err != nil {
				t.Fatal(err)
			}
			watch, err := watchDirectory(filepath.Join(link, "targets.json"), make(chan struct{}, 1))
			if err != nil {
				t.Fatal(err)
			}
			if err := test.change(dir, link); err != nil {
				t.Fatal(err)
			}
			for !test.want && watch.intact() { // until fsnotify has heard of it, or the test's deadline
				runtime.Gosched()
			}
			if got := watch.intact(); got != test.want {
				t.Errorf("got intact %t, want %t", got, test.want)
			}
			watch.close()
			select {
			case <-watch.ended:
			default:
				t.Error("got nudges after close, want none")
			}
		})
	}
}
