package follow_test

import (
	"strconv"
	"strings"
	"sync"
)

// warnings collects the log.
type warnings struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write implements io.Writer.
func (w *warnings) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

// String returns the first lines.
func (w *warnings) String() string {
	const most = 4000
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()[:min(w.text.Len(), most)]
}

// count returns how many lines hold the message.
func (w *warnings) count(message string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Count(w.text.String(), strconv.Quote(message))
}

// lines returns how many warnings there were.
func (w *warnings) lines() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Count(w.text.String(), "\n")
}
