package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/exporter-toolkit/web"
	"github.com/rs/zerolog"
)

// ErrShuttingDown is why the contexts of requests in flight end when a [Server] shuts down.
var ErrShuttingDown = errors.New("shutting down")

// maxHeaderBytes limits a request's line and headers; net/http allows some 4 KiB on top before it answers 431.
const maxHeaderBytes = 16 << 10

// maxStreams is how many requests one HTTP/2 connection may have in flight, so that few connections cannot do what many must not.
const maxStreams = 8

// ServerConfig is what a [Server] needs. Its timeouts bound what a slow client can hold on to.
type ServerConfig struct {
	Address string       // host:port as net.Listen takes it; port 0 picks a free one, empty means :8095
	Handler http.Handler // required: net/http would take http.DefaultServeMux, where any package can add paths

	// WebConfigFile asks for TLS, client certificates or passwords, in exporter-toolkit's format. It and the certificates it names are
	// read again for each connection. Empty: plain HTTP for everyone.
	WebConfigFile string

	ReadHeaderTimeout time.Duration // time to receive the headers; 0: 5s
	ReadTimeout       time.Duration // time to receive headers and body; 0: 10s
	WriteTimeout      time.Duration // time from the end of the headers to the end of the answer; 0: 30s
	IdleTimeout       time.Duration // time between two requests of a connection, more than between two scrapes; 0: 2m

	// MaxConnections is how many connections are kept. When one more comes, an old one of the address that has most is closed. 0: 512
	MaxConnections int

	// Logger takes net/http's own complaints, such as running out of descriptors, at most 10 in 10 s, as a client that does not speak
	// TLS causes one per connection. The zero Logger drops them.
	Logger zerolog.Logger
}

// Server is a listener and what answers on it.
type Server struct {
	listener *connections
	http     *http.Server
	web      string // path of the web configuration; empty: none
	logger   zerolog.Logger
	drain    context.CancelCauseFunc // ends the contexts of the requests in flight
}

// NewServer listens, so that an address in use is known at once and the chosen port before the first request. Connections wait until
// Serve. Whoever has a Server must call Shutdown.
func NewServer(config ServerConfig) (*Server, error) {
	if config.Handler == nil {
		return nil, errors.New("api: ServerConfig.Handler is required")
	}
	if _, err := ReadWebConfig(config.WebConfigFile); err != nil {
		return nil, err
	}
	address := cmp.Or(config.Address, ":8095")
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening for HTTP on %q: %w", address, err)
	}
	requests, drain := context.WithCancelCause(context.Background())
	s := &Server{
		listener: newConnections(listener, cmp.Or(config.MaxConnections, defaultConnections), config.Logger),
		web:      config.WebConfigFile, logger: config.Logger, drain: drain,
	}
	complaints := complaints{config.Logger.Sample(&zerolog.BurstSampler{Burst: 10, Period: 10 * time.Second})}
	s.http = &http.Server{
		BaseContext:       func(l net.Listener) context.Context { return withListener(requests, l) },
		Handler:           config.Handler,
		ConnState:         s.connState,
		ReadHeaderTimeout: cmp.Or(config.ReadHeaderTimeout, 5*time.Second),
		ReadTimeout:       cmp.Or(config.ReadTimeout, 10*time.Second),
		WriteTimeout:      cmp.Or(config.WriteTimeout, 30*time.Second),
		IdleTimeout:       cmp.Or(config.IdleTimeout, 2*time.Minute),
		MaxHeaderBytes:    maxHeaderBytes,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		ErrorLog:          log.New(complaints, "", 0),
		// OPTIONS * is answered by the handler, like everything else.
		DisableGeneralOptionsHandler: true,
	}
	return s, nil
}

// Addr returns the address that the server listens on, with the port it got.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// connState takes in what net/http says of a connection.
func (s *Server) connState(conn net.Conn, state http.ConnState) {
	if state == http.StateActive {
		s.listener.touch(conn)
	}
}

// Serve answers requests until Shutdown is called, and then returns nil at once, while Shutdown waits for those in flight. It returns an
// error, and listens no more, if it cannot go on, as when the web configuration became unusable since NewServer checked it.
func (s *Server) Serve() error {
	err := s.serve()
	if !errors.Is(err, http.ErrServerClosed) {
		_ = s.listener.Close() // clients must not wait for an answer that nobody gives; the error of Serve is the one to tell
		return fmt.Errorf("serving HTTP: %w", err)
	}
	return nil
}

func (s *Server) serve() error {
	if s.web == "" {
		return s.http.Serve(s.listener)
	}
	flags := &web.FlagConfig{WebConfigFile: &s.web}
	return web.Serve(s.listener, s.http, flags, slog.New(unquotedLog{zerolog.NewSlogHandler(s.logger)}))
}

// Shutdown stops listening, ends the contexts of the requests in flight with the cause [ErrShuttingDown] and waits for their answers. Requests
// that have not arrived completely are not waited for. If ctx ends first it cuts their connections and returns an error, though their handlers may still run. It may be called without Serve,
// and more than once.
func (s *Server) Shutdown(ctx context.Context) error {
	s.drain(ErrShuttingDown)
	s.listener.drain()
	// Without Serve, net/http does not know the listener. After Serve this is the second Close, whose error says nothing.
	defer func() { _ = s.listener.Close() }()
	if err := s.http.Shutdown(ctx); err != nil {
		_ = s.http.Close() // its error is the listener's, see above
		return fmt.Errorf("waiting for HTTP requests in flight: %w", err)
	}
	return nil
}

// complaints logs each line that net/http writes to its ErrorLog.
type complaints struct{ logger zerolog.Logger }

// Write implements io.Writer.
func (c complaints) Write(line []byte) (int, error) {
	c.logger.Warn().Str("error", strings.TrimSpace(string(line))).Msg("the HTTP server complained and goes on")
	return len(line), nil
}
