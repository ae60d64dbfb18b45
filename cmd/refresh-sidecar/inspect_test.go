package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// inspected runs inspect in a bubble, whose clock stands at midnight of 2000-01-01: 35 s after the last refresh of the snapshot.
func inspected(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, err bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		code = run(t.Context(), environment{args: append([]string{"inspect"}, args...), getenv: func(string) string { return "" }, stdout: &out, stderr: &err})
	})
	return out.String(), err.String(), code
}

func TestInspectPrints(t *testing.T) {
	for name, args := range map[string][]string{
		"table.txt":         {},
		"table-secrets.txt": {"--show-secrets"},
		"report.json":       {"-o", "json"},
		"report.yaml":       {"-o", "yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			want, err := os.ReadFile(filepath.Join("testdata", "inspect", name))
			if err != nil {
				t.Fatal(err)
			}
			stdout, stderr, code := inspected(t, append(args, "testdata/snapshot.json")...)
			if code != exitOK || stderr != "" {
				t.Errorf("got exit code %d and %q, want 0 and no error", code, stderr)
			}
			if diff := cmp.Diff(string(want), stdout); diff != "" {
				t.Errorf("output (-want +got):\n%s", diff)
			}
			if again, _, _ := inspected(t, append(args, "testdata/snapshot.json")...); again != stdout {
				t.Errorf("got %s the second time, want the same as before", again)
			}
		})
	}
}

func TestInspectLimitsTheAge(t *testing.T) {
	for name, c := range map[string]struct {
		maxAge string
		want   int
	}{
		"any":       {"0s", exitOK},
		"not yet":   {"36s", exitOK},
		"just":      {"35s", exitOK},
		"too old":   {"34s", exitFault},
		"malformed": {"soon", exitConfig},
		"negative":  {"-1s", exitConfig},
	} {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, code := inspected(t, "testdata/snapshot.json", "--max-age="+c.maxAge)
			if code != c.want {
				t.Errorf("got exit code %d, want %d: %s", code, c.want, stderr)
			}
			if printed := strings.Contains(stdout, "slack-prod"); printed != (c.want != exitConfig) {
				t.Errorf("got printed=%t: a snapshot that is too old is shown all the same", printed)
			}
		})
	}
}

func TestInspectShowsAnEmptySnapshot(t *testing.T) {
	doc := targetsfile.Document{Epoch: "e\x1b[2J", Generation: 1, Checksum: targetsfile.Checksum(nil), Source: targetsfile.Source{Kind: targetsfile.SourceManifests, Path: "x"},
		Discovered: 2, Invalid: 2, Rejections: []targetsfile.Rejection{{Secret: "a/b\nc", Reason: "parse", Message: "m", Serving: "nothing"}}}
	path := filepath.Join(t.TempDir(), "targets.json")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = doc.WriteTo(file)
	if err = errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	stdout, _, code := inspected(t, path)
	if code != exitOK {
		t.Errorf("got exit code %d, want 0", code)
	}
	for _, want := range []string{"no targets\n", "refreshed     never\n", "STALE: never,", "manifests in x\n",
		"… and 1 more, which the file does not list\n", `"a/b\nc"`, `"e\x1b[2J"`} {
		if !strings.Contains(stdout, want) {
			t.Errorf("got %s, want %q in it", stdout, want)
		}
	}
}

func TestInspectHasAHintForEachReason(t *testing.T) {
	for _, reason := range []targetsfile.Reason{targetsfile.ReasonMissing, targetsfile.ReasonPermission, targetsfile.ReasonIO, targetsfile.ReasonNotRegular,
		targetsfile.ReasonEmpty, targetsfile.ReasonTooLarge, targetsfile.ReasonSyntax, targetsfile.ReasonSchema, targetsfile.ReasonUnsupported, targetsfile.ReasonChecksum} {
		if got := loadHint(&targetsfile.LoadError{Reason: reason, Err: errors.New("x")}); got == "" {
			t.Errorf("%s: got no hint, want one", reason)
		}
	}
	if got := loadHint(io.EOF); got != "" {
		t.Errorf("got %q for an error of another kind, want no hint", got)
	}
}

func TestInspectHelpNamesTheDefaultPath(t *testing.T) {
	stdout, _, _ := inspected(t, "--help")
	read, err := parse(environment{args: []string{"inspect"}, getenv: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	if read.Run.SnapshotPath == "" || !strings.Contains(stdout, read.Run.SnapshotPath) {
		t.Errorf("got %s, want the default %q of --snapshot-path in it", stdout, read.Run.SnapshotPath)
	}
}

// full is a standard output that takes nothing, such as /dev/full.
type full struct{}

// Write implements io.Writer.
func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestCommandsReportThatTheyCannotPrint(t *testing.T) {
	for _, args := range [][]string{{"inspect", "testdata/snapshot.json"}, {"inspect", "-o=yaml", "testdata/snapshot.json"},
		{"validate", "../../deploy/examples"}, {"validate", "-o=json", "../../deploy/examples"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			var stderr bytes.Buffer
			code := run(t.Context(), environment{args: args, getenv: func(string) string { return "" }, stdout: full{}, stderr: &stderr})
			if code != exitFault || !strings.Contains(stderr.String(), "no space left on device") {
				t.Errorf("got exit code %d and %q, want 1 and the reason", code, stderr.String())
			}
		})
	}
}

func TestWhen(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	r := report{now: now}
	for want, at := range map[string]time.Time{
		"never":                          {},
		"2026-01-02T03:04:05Z (0s ago)":  now,
		"2026-01-02T03:03:30Z (35s ago)": now.Add(-35 * time.Second),
		"2025-12-31T03:04:05Z (2d ago)":  now.Add(-48 * time.Hour),
		"2026-01-02T03:09:06Z (in 5m1s)": now.Add(5*time.Minute + time.Second),
		"2026-01-02T00:04:05Z (3h ago)":  now.Add(-3 * time.Hour).In(time.FixedZone("", 7200)),
	} {
		if got := r.when(at); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
