package api

import (
	"bytes"
	"net/http"
	"sync"
)

// rounds make the answers that are costly, in time and memory: a page, the metrics. One is made at a time, and everybody who waited when its
// making began gets the same bytes: as fresh as if it had been made for each of them.
type rounds struct {
	turn sync.Mutex // held while an answer is made

	mu   sync.Mutex
	next map[string]*round // by what is asked for; each waits for its turn
}

func newRounds() rounds { return rounds{next: make(map[string]*round)} }

// round is one making of an answer.
type round struct {
	done   chan struct{}
	answer *madeAnswer // nil: making it panicked
}

// answer has a handler make an answer, whole, before any of it is sent. Requests of the same kind get the same one.
func (r *rounds) answer(kind string, handler http.Handler, request *http.Request) *madeAnswer {
	r.mu.Lock()
	joined, ok := r.next[kind]
	if !ok {
		joined = &round{done: make(chan struct{})}
		r.next[kind] = joined
	}
	r.mu.Unlock()
	if !ok {
		r.run(kind, joined, handler, request)
	}
	<-joined.done // the turn of this round comes after at most one making per kind
	if joined.answer == nil {
		panic("the answer that others make panicked")
	}
	return joined.answer
}

func (r *rounds) run(kind string, own *round, handler http.Handler, request *http.Request) {
	defer close(own.done)
	r.turn.Lock()
	defer r.turn.Unlock()
	r.mu.Lock()
	delete(r.next, kind) // who comes now, comes too late for what is read now
	r.mu.Unlock()
	made := &madeAnswer{header: http.Header{}, code: http.StatusOK}
	handler.ServeHTTP(made, request)
	own.answer = made
}

// madeAnswer is a [http.ResponseWriter] that keeps what is written.
type madeAnswer struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

// Header implements [http.ResponseWriter].
func (m *madeAnswer) Header() http.Header { return m.header }

// WriteHeader implements [http.ResponseWriter].
func (m *madeAnswer) WriteHeader(code int) { m.code = code }

// Write implements [http.ResponseWriter].
func (m *madeAnswer) Write(part []byte) (int, error) { return m.body.Write(part) }
