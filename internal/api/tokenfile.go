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

	"github.com/rs/zerolog"
)

const (
	// tokenFileAge is how long what was read of a token file is believed.
	tokenFileAge = time.Second
	// maxTokenFile is the size limit of a token file in bytes.
	maxTokenFile = 1 << 20
)

// TokenFile is an [Authorizer] that knows the bearer tokens in a file: one per line, and all are valid, so that tokens can be rotated
// without a moment in which neither the old nor the new one is. Empty lines and lines that begin with # are ignored, as is white space
// around a token. A token's owner is named by the file and the line: tokens.txt:2.
//
// The file is read again when it is needed, at most once a second: at its size that costs less than doubt about what a change looks
// like, be it a rename, a rewrite within one tick of the file system's clock, or the symbolic links of a mounted Secret. If it becomes
// unusable, the last good tokens stay valid, and the log says so once per change.
type TokenFile struct {
	path   string
	logger zerolog.Logger

	mu     sync.Mutex
	read   time.Time // when the file was last looked at
	seen   string    // what was found then: digest or fault
	tokens []token   // the last good ones
}

// token is one line of the file. The token itself is not kept.
type token struct {
	line   int
	digest [sha256.Size]byte
}

// NewTokenFile reads the file. It is an error if there is no token in it. The zero Logger drops the warnings about later faults.
func NewTokenFile(path string, logger zerolog.Logger) (*TokenFile, error) {
	f := &TokenFile{path: path, logger: logger, read: time.Now()}
	text, err := readTokenFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the token file %q: %w", path, err)
	}
	if f.tokens, err = parseTokens(text); err != nil {
		return nil, fmt.Errorf("reading the token file %q: %w", path, err)
	}
	f.seen = fingerprint(text, nil)
	return f, nil
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
	if time.Since(f.read) < tokenFileAge {
		return f.tokens
	}
	f.read = time.Now()
	text, err := readTokenFile(f.path)
	var tokens []token
	if err == nil {
		tokens, err = parseTokens(text)
	}
	found := fingerprint(text, err)
	if found == f.seen {
		return f.tokens
	}
	f.seen = found
	if err != nil {
		f.logger.Warn().Err(err).Str("path", f.path).Msg("the token file is not usable, keeping the last good tokens")
		return f.tokens
	}
	f.tokens = tokens
	f.logger.Info().Str("path", f.path).Int("tokens", len(tokens)).Msg("the token file has changed, its tokens are valid now")
	return f.tokens
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

// parseTokens returns the tokens in a file's text. Its errors name lines, never what is in them.
func parseTokens(text []byte) ([]token, error) {
	var tokens []token
	number := 0
	for line := range bytes.Lines(text) {
		number++
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		if !isToken(string(line)) {
			return nil, fmt.Errorf("line %d: a token is visible ASCII without white space", number)
		}
		tokens = append(tokens, token{number, sha256.Sum256(line)})
	}
	if len(tokens) == 0 {
		return nil, errors.New("no token in it: write one per line")
	}
	return tokens, nil
}
