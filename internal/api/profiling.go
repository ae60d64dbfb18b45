package api

import (
	"net/http"
	"net/http/pprof"
)

// NewProfiling returns a handler of /debug/pprof/, for a listener of its own that only its owner can reach: profiles show what the
// process does, and its command line. A profile may take longer than the server's timeouts.
//
// Importing net/http/pprof also adds its handlers to [http.DefaultServeMux], which nothing here serves: [NewServer] insists on a handler.
func NewProfiling() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("POST /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}
