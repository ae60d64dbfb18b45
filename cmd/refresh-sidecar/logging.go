package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/go-logr/logr"
	"github.com/rs/zerolog"
	"k8s.io/klog/v2"
)

// logging says what is logged and how.
type logging struct {
	level   zerolog.Level
	console bool
}

// newLogger returns the process's logger, which client-go's lines go through too. It keeps one in ten DEBUG lines, and all lines of
// other levels.
// It sets klog's process-wide logger and is called once.
func newLogger(l logging, out io.Writer) zerolog.Logger {
	if l.console {
		out = zerolog.ConsoleWriter{Out: out, TimeFormat: "15:04:05.000", NoColor: !isTerminal(out)}
	}
	log := zerolog.New(out).Level(l.level).Hook(stamp{})
	log = log.Sample(zerolog.LevelSampler{TraceSampler: zerolog.RandomSampler(10), DebugSampler: zerolog.RandomSampler(10)})
	bridgeKlog(log)
	return log
}

// stamp adds the time, in UTC with milliseconds. The format of zerolog's own timestamp is a variable of its package.
type stamp struct{}

// Run implements [zerolog.Hook].
func (stamp) Run(e *zerolog.Event, _ zerolog.Level, _ string) {
	e.Str(zerolog.TimestampFieldName, time.Now().UTC().Format("2006-01-02T15:04:05.000Z07:00"))
}

// isTerminal reports whether out is a terminal, and not a file or a pipe.
func isTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// bridgeKlog sends client-go's lines through log. klog.SetSlogLogger would be shorter, but it installs a contextual logger that
// bypasses klog's verbosity, and at V(8) client-go logs response bodies: Secrets.
func bridgeKlog(log zerolog.Logger) {
	handler := clamped{zerolog.NewSlogHandler(log.With().Str("component", "client-go").Logger())}
	klog.SetLogger(logr.FromSlogHandler(handler))
}

// clamped drops everything below DEBUG, whatever the logger behind it takes.
type clamped struct{ slog.Handler }

// Enabled implements [slog.Handler].
func (c clamped) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelDebug && c.Handler.Enabled(ctx, level)
}

// Handle implements [slog.Handler]. The record's own time is left out: [stamp] adds the line's.
func (c clamped) Handle(ctx context.Context, record slog.Record) error {
	record.Time = time.Time{}
	return c.Handler.Handle(ctx, record)
}

// WithAttrs implements [slog.Handler].
func (c clamped) WithAttrs(attrs []slog.Attr) slog.Handler {
	return clamped{c.Handler.WithAttrs(attrs)}
}

// WithGroup implements [slog.Handler].
func (c clamped) WithGroup(name string) slog.Handler { return clamped{c.Handler.WithGroup(name)} }
