package api_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/rs/zerolog"

	"github.com/alert-history/refresh-sidecar/internal/api"
)

// writeTokens writes a token file and returns its path.
func writeTokens(t *testing.T, path, text string) string {
	t.Helper()
	if path == "" {
		path = filepath.Join(t.TempDir(), "tokens.txt")
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// owners returns the user of each token, or why there is none.
func owners(t *testing.T, f *api.TokenFile, tokens ...string) []string {
	t.Helper()
	var users []string
	for _, token := range tokens {
		user, err := f.Authorize(t.Context(), api.Credentials{Token: token})
		if err != nil {
			if !errors.Is(err, api.ErrUnauthenticated) {
				t.Errorf("got %v, want ErrUnauthenticated", err)
			}
			user = "refused"
		}
		users = append(users, user)
	}
	return users
}

func TestTokenFileKnowsItsTokens(t *testing.T) {
	path := writeTokens(t, "", "# the old one\nold-token\r\n\n  new-token \n#commented-out\nlast")
	f, err := api.NewTokenFile(path, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	got := owners(t, f, "old-token", "new-token", "last", "", "old-toke", "old-token2", "OLD-TOKEN", "#commented-out", "# the old one")
	want := []string{"tokens.txt:2", "tokens.txt:4", "tokens.txt:6", "refused", "refused", "refused", "refused", "refused", "refused"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("owners (-want +got):\n%s", diff)
	}
}

func TestNewTokenFileRefusesWhatHoldsNoTokens(t *testing.T) {
	dir := t.TempDir()
	for name, tt := range map[string]struct{ path, want string }{
		"missing":         {filepath.Join(dir, "missing"), "no such file"},
		"a directory":     {dir, "not a regular file"},
		"empty":           {writeTokens(t, "", ""), "no token in it"},
		"comments only":   {writeTokens(t, "", "# none\n\n"), "no token in it"},
		"a blank within":  {writeTokens(t, "", "#good\nhunter2 hunter2\n"), "line 2: a token is visible ASCII"},
		"not ASCII":       {writeTokens(t, "", "hunter2é\n"), "line 1: a token is visible ASCII"},
		"larger than 1MB": {writeTokens(t, "", strings.Repeat("hunter2\n", 1<<18)), "more than 1048576 bytes"},
	} {
		_, err := api.NewTokenFile(tt.path, zerolog.Nop())
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), tt.path) {
			t.Errorf("%s: got %v, want %q and the path in it", name, err, tt.want)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got a token in the error: %v", name, err)
		}
	}
}

func TestTokenFileIsReadAgain(t *testing.T) {
	type step struct {
		name string
		do   func(path string) error
		want []string // of first and second
		log  []string
	}
	write := func(text string) func(string) error {
		return func(path string) error { return os.WriteFile(path, []byte(text), 0o600) }
	}
	const kept, changed = "the token file is not usable, keeping the last good tokens for a while", "the token file has changed, its tokens are valid now"
	steps := []step{
		{"nothing", write("first\n"), []string{"tokens.txt:1", "refused"}, nil},
		{"a token is added", write("first\nsecond\n"), []string{"tokens.txt:1", "tokens.txt:2"}, []string{changed}},
		{"the file goes", os.Remove, []string{"tokens.txt:1", "tokens.txt:2"}, []string{kept}},
		{"it is still gone", func(string) error { return nil }, []string{"tokens.txt:1", "tokens.txt:2"}, nil},
		{"it comes back empty", write(""), []string{"tokens.txt:1", "tokens.txt:2"}, []string{kept}},
		{"it is broken", write("sec ond\n"), []string{"tokens.txt:1", "tokens.txt:2"}, []string{kept}},
		{"a line is broken", write("sec ond\nsecond\n"), []string{"refused", "tokens.txt:2"}, []string{"lines of the token file are no tokens, the others are valid", changed}},
		{"a token is withdrawn", write("second\n"), []string{"refused", "tokens.txt:1"}, []string{changed}},
	}
	synctest.Test(t, func(t *testing.T) {
		var log logBuffer
		path := writeTokens(t, "", "first\n")
		f, err := api.NewTokenFile(path, zerolog.New(&log))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range steps {
			if err := s.do(path); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			for range 2 { // the second time nothing is read or logged
				if diff := cmp.Diff(s.want, owners(t, f, "first", "second")); diff != "" {
					t.Errorf("%s: owners (-want +got):\n%s", s.name, diff)
				}
			}
			var messages []string
			for _, line := range log.take(t) {
				messages = append(messages, line["message"].(string))
			}
			if diff := cmp.Diff(s.log, messages); diff != "" {
				t.Errorf("%s: log (-want +got):\n%s", s.name, diff)
			}
		}
	})
}

func TestTokenFileIsReadAtMostOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := writeTokens(t, "", "first\n")
		f, err := api.NewTokenFile(path, zerolog.Nop())
		if err != nil {
			t.Fatal(err)
		}
		writeTokens(t, path, "second\n")
		time.Sleep(time.Second - time.Nanosecond)
		if got := owners(t, f, "first"); got[0] != "tokens.txt:1" {
			t.Errorf("got %v within the second, want the file left alone", got)
		}
		time.Sleep(time.Nanosecond)
		if got := owners(t, f, "first"); got[0] != "refused" {
			t.Errorf("got %v after the second, want the withdrawn token refused", got)
		}
	})
}

func TestBadLinesAreNamedAtTheStart(t *testing.T) {
	var log logBuffer
	path := writeTokens(t, "", "hunter2 hunter2\ngood\n"+strings.Repeat("hunter2 é\n", 30))
	f, err := api.NewTokenFile(path, zerolog.New(&log))
	if err != nil {
		t.Fatal(err)
	}
	if got := owners(t, f, "good"); got[0] != "tokens.txt:2" {
		t.Errorf("got %v, want the good token valid", got)
	}
	text := log.takeText()
	if !strings.Contains(text, `"lines":[1,3,4,`) || !strings.Contains(text, `"count":31`) || strings.Contains(text, "hunter2") || len(text) > 500 {
		t.Errorf("got log %s, want the first bad lines by number", text)
	}
}

// TestRevokedTokensAreRefusedAfterAGrace revokes all tokens in the ways there are, and gives one back in the end.
func TestRevokedTokensAreRefusedAfterAGrace(t *testing.T) {
	const refused = "the token file has not been usable for too long, no token is valid any more"
	for name, revoke := range map[string]func(path string) error{
		"deleted": os.Remove,
		"emptied": func(path string) error { return os.WriteFile(path, nil, 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log logBuffer
				path := writeTokens(t, "", "first\n")
				f, err := api.NewTokenFile(path, zerolog.New(&log))
				if err != nil {
					t.Fatal(err)
				}
				registry := prometheus.NewPedanticRegistry()
				if err := f.Register(registry); err != nil {
					t.Fatal(err)
				}
				check := func(when, want string, usable, tokens float64) {
					t.Helper()
					if got := owners(t, f, "first"); got[0] != want {
						t.Errorf("%s: got %s, want %s", when, got[0], want)
					}
					expected := fmt.Sprintf("# HELP publishing_auth_token_file_usable 1 while there are tokens in the token file, 0 if it cannot be read or holds none.\n"+
						"# TYPE publishing_auth_token_file_usable gauge\npublishing_auth_token_file_usable %v\n"+
						"# HELP publishing_auth_tokens Tokens that are valid; 0 once the token file has given none for five minutes.\n"+
						"# TYPE publishing_auth_tokens gauge\npublishing_auth_tokens %v\n", usable, tokens)
					if err := testutil.GatherAndCompare(registry, strings.NewReader(expected)); err != nil {
						t.Errorf("%s: %v", when, err)
					}
				}
				check("at first", "tokens.txt:1", 1, 1)
				time.Sleep(time.Hour)
				check("an hour later", "tokens.txt:1", 1, 1)
				if err := revoke(path); err != nil {
					t.Fatal(err)
				}
				time.Sleep(5 * time.Minute)
				check("within the grace", "tokens.txt:1", 0, 1)
				log.take(t)
				time.Sleep(time.Second)
				for range 2 {
					check("after the grace", "refused", 0, 0)
				}
				if lines := log.take(t); len(lines) != 1 || lines[0]["message"] != refused || lines[0]["level"] != "error" {
					t.Errorf("got log %v, want one line that says so", lines)
				}
				writeTokens(t, path, "first\n")
				time.Sleep(time.Second)
				check("given back", "tokens.txt:1", 1, 1)
			})
		})
	}
}
