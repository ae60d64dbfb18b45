package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v2"
)

// WebConfig is what a web configuration file asks of callers, as far as the sidecar's other options depend on it.
type WebConfig struct {
	Passwords          bool // basic auth, which takes the header that bearer tokens need
	ClientCertificates bool // the TLS handshake demands one
	RateLimit          bool // one limit for all requests of the listener, whoever sends them and whatever they ask for
}

// ShutsProbesOut reports whether a kubelet cannot probe this listener: it has neither a password nor a certificate to show.
func (c WebConfig) ShutsProbesOut() bool { return c.Passwords || c.ClientCertificates }

// ReadWebConfig checks a file in exporter-toolkit's format, with the certificates that it names, and returns what it asks of callers. An
// empty path is no file, which asks nothing.
func ReadWebConfig(path string) (WebConfig, error) {
	if path == "" {
		return WebConfig{}, nil
	}
	if err := web.Validate(path); err != nil {
		return WebConfig{}, fmt.Errorf("checking the web configuration %q: %w", path, unquotedError(err))
	}
	text, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return WebConfig{}, fmt.Errorf("reading the web configuration: %w", err)
	}
	var file web.Config
	if err := yaml.Unmarshal(text, &file); err != nil {
		return WebConfig{}, fmt.Errorf("reading the web configuration %q: %w", path, unquotedError(err))
	}
	limit := file.RateLimiterConfig
	if limit.Interval > 0 && limit.Burst < 1 {
		return WebConfig{}, fmt.Errorf("checking the web configuration %q: rate_limit without a burst refuses every request: add a burst of 1 or more", path)
	}
	demanded := file.TLSConfig.ClientAuth == "RequireAnyClientCert" || file.TLSConfig.ClientAuth == "RequireAndVerifyClientCert"
	return WebConfig{Passwords: len(file.Users) > 0, ClientCertificates: demanded, RateLimit: limit.Interval > 0}, nil
}

// unquoted returns a text of package yaml without the values in it: an error about a value of the wrong type, such as a password in the
// place of the list of users, quotes the beginning of that value.
func unquoted(text string) string {
	return regexp.MustCompile("`[^`\n]*`").ReplaceAllString(text, "(a value)")
}

// unquotedError is err, unless its text would tell a value.
func unquotedError(err error) error {
	if text := unquoted(err.Error()); text != err.Error() {
		return errors.New(text)
	}
	return err
}

// unquotedLog is the log for exporter-toolkit, which complains there of a file that was changed and cannot be parsed any more.
type unquotedLog struct{ slog.Handler }

// Handle implements [slog.Handler]. The record's own time is left out: the logger behind it stamps the line.
func (h unquotedLog) Handle(ctx context.Context, record slog.Record) error {
	out := slog.NewRecord(time.Time{}, record.Level, record.Message, record.PC)
	record.Attrs(func(a slog.Attr) bool {
		if a.Value.Kind() == slog.KindString {
			a.Value = slog.StringValue(unquoted(a.Value.String()))
		}
		out.AddAttrs(a)
		return true
	})
	return h.Handler.Handle(ctx, out)
}
