package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

const (
	// tokenFileAge is how long what was read of a token file is believed.
	tokenFileAge = time.Second
	// tokenGrace is how long the last good tokens are valid after the file gave them last.
	tokenGrace = 5 * time.Minute
	// maxTokenFile is the size limit of a token file in bytes.
	maxTokenFile = 1 << 20
	// maxBadLines is how many lines that are no tokens the log names.
	maxBadLines = 20
)

// TokenFile is an [Authorizer] that knows the bearer tokens in a file: one per line, and all are valid, so that tokens can be rotated
// without a moment in which neither the old nor the new one is. Empty lines and lines that begin with # are ignored, as is white space
// around a token; other lines that are no tokens are named in the log. A token's owner is named by the file and the line: tokens.txt:2.
//
// The file is read again when it is needed, at most once a second: at its size that costs less than doubt about what a change looks
// like, be it a rename, a rewrite within one tick of the file system's clock, or the symbolic links of a mounted Secret. If it gives no token
// any more, because it was emptied, deleted or cannot be read, the last good tokens stay valid for five minutes after they were last read, which a
// mistake can be mended in, and after that none is. The log and the metrics say so.
type TokenFile struct {
	path   string
	logger zerolog.Logger

	mu       sync.Mutex
	read     time.Time // when the file was last looked at
	good     time.Time // when it was last seen with tokens in it
	seen     string    // what was found last: digest or fault
	tokens   []token   // the last good ones
	refusing bool      // the log has said that none is valid any more
}

// token is one line of the file. The token itself is not kept.
type token struct {
	line   int
	digest [sha256.Size]byte
}

// NewTokenFile reads the file. It is an error if there is no token in it. The zero Logger drops the warnings about later faults.
func NewTokenFile(path string, logger zerolog.Logger) (*TokenFile, error) {
	f := &TokenFile{path: path, logger: logger}
	if err := f.look(); err != nil {
		return nil, fmt.Errorf("reading the token file %q: %w", path, err)
	}
	return f, nil
}

// Register exposes how many tokens are valid, and whether the file gives any. A scrape looks at the file.
func (f *TokenFile) Register(reg prometheus.Registerer) error {
	gauge := func(name, help string, value func() float64) error {
		return reg.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	err := errors.Join(
		gauge("publishing_auth_tokens", "Tokens that are valid; 0 once the token file has given none for five minutes.",
			func() float64 { return float64(len(f.current())) }),
		gauge("publishing_auth_token_file_usable", "1 while there are tokens in the token file, 0 if it cannot be read or holds none.",
			func() float64 {
				f.current()
				f.mu.Lock()
				defer f.mu.Unlock()
				if f.read.Equal(f.good) {
					return 1
				}
				return 0
			}),
	)
	if err != nil {
		return fmt.Errorf("registering the metrics of the token file: %w", err)
	}
	return nil
}

// Authorize implements [Authorizer]. How long it takes tells nothing of the tokens: it compares the digests of all of them, and the digests
// of two tokens with the same beginning have nothing in common.
func (f *TokenFile) Authorize(_ context.Context, c Credentials) (user string, err error) {
	presented := sha256.Sum256([]byte(c.Token))
	line := 0
	for _, t := range f.current() {
		line = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(presented[:], t.digest[:]), t.line, line)
	}
	if line == 0 {
		return "", ErrUnauthenticated
	}
	return fmt.Sprintf("%s:%d", filepath.Base(f.path), line), nil
}

// current returns the valid tokens, after a look at the file if the last one was a while ago.
func (f *TokenFile) current() []token {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.read) >= tokenFileAge {
		first := f.seen
		if err := f.look(); err != nil && f.seen != first {
			f.logger.Warn().Err(err).Str("path", f.path).Time("valid_until", f.good.Add(tokenGrace).UTC()).
				Msg("the token file is not usable, keeping the last good tokens for a while")
		} else if f.seen != first {
			f.logger.Info().Str("path", f.path).Int("tokens", len(f.tokens)).Msg("the token file has changed, its tokens are valid now")
		}
	}
	if f.read.Sub(f.good) <= tokenGrace {
		return f.tokens
	}
	if !f.refusing {
		f.refusing = true
		f.logger.Error().Str("path", f.path).Str("hint", "write the valid tokens into the file, one per line").
			Msg("the token file has not been usable for too long, no token is valid any more")
	}
	return nil
}

// look reads the file and, if there are tokens in it, takes them for the good ones.
func (f *TokenFile) look() error {
	f.read = time.Now()
	text, err := readTokenFile(f.path)
	var tokens []token
	var bad []int
	if err == nil {
		tokens, bad, err = parseTokens(text)
	}
	found := fingerprint(text, err)
	known := found == f.seen
	f.seen = found
	if err != nil {
		return err
	}
	f.good, f.refusing = f.read, false
	if known {
		return nil
	}
	f.tokens = tokens
	if len(bad) > 0 {
		f.logger.Warn().Str("path", f.path).Ints("lines", bad[:min(len(bad), maxBadLines)]).Int("count", len(bad)).
			Str("hint", "a token is visible ASCII without white space").Msg("lines of the token file are no tokens, the others are valid")
	}
	return nil
}

// fingerprint tells one state of the file from another.
func fingerprint(text []byte, err error) string {
	return fmt.Sprintf("%x %v", sha256.Sum256(text), err)
}

// readTokenFile reads a file that is regular, since a FIFO would block, and of a sensible size.
func readTokenFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	file, err := os.Open(filepath.Clean(path))
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read from
	text, err := io.ReadAll(io.LimitReader(file, maxTokenFile+1))
	if err == nil && len(text) > maxTokenFile {
		return nil, fmt.Errorf("more than %d bytes", maxTokenFile)
	}
	return text, err
}

// parseTokens returns the tokens in a file's text, and the numbers of the lines that should be one and are not. It is an error if there is no
// token. The error names a line, never what is in it.
func parseTokens(text []byte) (tokens []token, bad []int, err error) {
	number := 0
	for line := range bytes.Lines(text) {
		number++
		line = bytes.TrimSpace(line)
		switch {
		case len(line) == 0 || line[0] == '#':
		case !isToken(string(line)):
			bad = append(bad, number)
		default:
			tokens = append(tokens, token{number, sha256.Sum256(line)})
		}
	}
	switch {
	case len(tokens) > 0:
		return tokens, bad, nil
	case len(bad) > 0:
		return nil, bad, fmt.Errorf("no token in it: line %d: a token is visible ASCII without white space", bad[0])
	}
	return nil, nil, errors.New("no token in it: write one per line")
}
