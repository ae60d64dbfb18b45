package main

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"
)

// parsed runs the command line of run with an environment.
func parsed(t *testing.T, vars map[string]string, args ...string) runFlags {
	t.Helper()
	read, err := parse(environment{args: args, getenv: func(k string) string { return vars[k] }, stdout: os.Stderr, stderr: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	if read.command != commandRun {
		t.Fatalf("got command %q, want run", read.command)
	}
	return read.Run
}

func TestFlagWinsOverVariableWinsOverDefault(t *testing.T) {
	cases := map[string]struct {
		vars map[string]string
		args []string
		get  func(runFlags) any
		want any
	}{
		"default":               {get: func(f runFlags) any { return f.RefreshInterval.value.String() }, want: "5m0s"},
		"variable":              {vars: map[string]string{"TARGET_REFRESH_INTERVAL": "7m"}, get: func(f runFlags) any { return f.RefreshInterval.value.String() }, want: "7m0s"},
		"empty variable":        {vars: map[string]string{"TARGET_REFRESH_INTERVAL": ""}, get: func(f runFlags) any { return f.RefreshInterval.value.String() }, want: "5m0s"},
		"flag":                  {vars: map[string]string{"TARGET_REFRESH_INTERVAL": "7m"}, args: []string{"--refresh-interval=9m"}, get: func(f runFlags) any { return f.RefreshInterval.value.String() }, want: "9m0s"},
		"run may be left out":   {args: []string{"run", "--min-targets", "3"}, get: func(f runFlags) any { return f.MinTargets.value }, want: 3},
		"switch":                {args: []string{"--once"}, get: func(f runFlags) any { return f.Once.value }, want: true},
		"switch with a value":   {args: []string{"--once=false"}, get: func(f runFlags) any { return f.Once.value }, want: false},
		"switch by variable":    {vars: map[string]string{"TARGET_ONCE": "true"}, get: func(f runFlags) any { return f.Once.value }, want: true},
		"negated":               {args: []string{"--no-watch"}, get: func(f runFlags) any { return f.Watch.value }, want: false},
		"negated, true":         {args: []string{"--no-watch=true"}, get: func(f runFlags) any { return f.Watch.value }, want: false},
		"negated, false":        {vars: map[string]string{"TARGET_WATCH": "false"}, args: []string{"--no-watch=false"}, get: func(f runFlags) any { return f.Watch.value }, want: true},
		"separate values":       {args: []string{"--jitter", ".5", "--manifests", "-", "--once"}, get: func(f runFlags) any { return f.Manifests }, want: "-"},
		"octal mode":            {args: []string{"--snapshot-mode=0600"}, get: func(f runFlags) any { return f.SnapshotMode.value }, want: os.FileMode(0o600)},
		"list":                  {args: []string{"--retry-backoff=1s, 2s"}, get: func(f runFlags) any { return len(f.RetryBackoff.value) }, want: 2},
		"namespaces repeated":   {args: []string{"--namespace=a", "--namespace=b,c"}, get: func(f runFlags) any { return strings.Join(f.Namespace, " ") }, want: "a b c"},
		"namespaces, variable":  {vars: map[string]string{"TARGET_NAMESPACE": "a,b"}, get: func(f runFlags) any { return strings.Join(f.Namespace, " ") }, want: "a b"},
		"selector with a comma": {args: []string{"--label-selector=a=b,c=d"}, get: func(f runFlags) any { return f.LabelSelector }, want: "a=b,c=d"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			flags := parsed(t, c.vars, c.args...)
			if got := c.get(flags); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
			if err := flags.validate(nil); err != nil {
				t.Errorf("validating: %v", err)
			}
		})
	}
}

func TestFaultsOfValuesAreReportedAtOnce(t *testing.T) {
	cases := map[string]struct {
		args []string
		want []string // the lines after the heading
	}{
		"every kind of value": {
			args: []string{"--refresh-interval=0s", "--refresh-timeout=soon", "--retry-backoff=", "--max-retries=-1", "--startup-backoff=1s,1ns",
				"--jitter=-0.1", "--rate-limit=-1s", "--namespace=Bad_Name", "--label-selector=", "--snapshot-path=dir/", "--snapshot-mode=rw",
				"--on-invalid=panic", "--min-targets=x", "--once=maybe", "--listen-address=8095", "--shutdown-timeout=-1s", "--log-level=loud", "--log-format=xml"},
			want: []string{
				`--refresh-interval: 0s is too short, the least is 1s`,
				`--refresh-timeout: "soon" is not a duration such as 30s or 5m`,
				`--retry-backoff: "" is not a list of durations such as 30s,1m,2m`,
				`--max-retries: -1 must not be negative`,
				`--startup-backoff: 1ns is too short, the least is 100ms`,
				`--jitter: -0.1 must be at least 0 and below 1`,
				`--rate-limit: -1s must not be negative`,
				`--namespace: "Bad_Name" is not a namespace's name: lower case letters, digits and -, at most 63`,
				`--label-selector: must not be empty: it would read every Secret`,
				`--snapshot-path: "dir/" must name a file`,
				`--snapshot-mode: "rw" is not an octal file mode such as 0640`,
				`--on-invalid: "panic" is not one of keep, drop`,
				`--min-targets: "x" is not a whole number`,
				`--once: "maybe" is not true or false`,
				`--listen-address: "8095" is not host:port, such as :8095 or 127.0.0.1:0`,
				`--shutdown-timeout: -1s must not be negative`,
				`--log-level: "loud" is not one of debug, info, warn, error`,
				`--log-format: "xml" is not one of json, console`,
			},
		},
		"options that exclude each other": {
			args: []string{"--all-namespaces", "--namespace=a", "--manifests=x", "--kubeconfig=k", "--context=c"},
			want: []string{
				`--all-namespaces: leave it out to look in --namespace a only, or leave that out`,
				`--all-namespaces: --manifests reads no API server: leave out one of the two`,
				`--kubeconfig: --manifests reads no API server: leave out one of the two`,
				`--context: --manifests reads no API server: leave out one of the two`,
			},
		},
		"auth and listeners": {
			args: []string{"--auth=password", "--probe-address=x", "--pprof-address=:y", "--auth-token-file=t", "--web-config-file=/nowhere.yml"},
			want: []string{
				`--probe-address: "x" is not host:port, such as :8095 or 127.0.0.1:0`,
				`--pprof-address: "y" is not a port between 0 and 65535`,
				`--auth: "password" is not one of none, token, kubernetes`,
				`--auth-token-file: it counts with --auth=token only`,
				`--web-config-file: checking the web configuration "/nowhere.yml": open /nowhere.yml: no such file or directory`,
			},
		},
		"auth that cannot work": {
			args: []string{"--auth=token", "--jitter=2"},
			want: []string{`--jitter: 2 must be at least 0 and below 1`, `--auth-token-file: --auth=token needs it`},
		},
		"auth by an API server that is not there": {
			args: []string{"--auth=kubernetes", "--manifests=x", "--jitter=2"},
			want: []string{`--jitter: 2 must be at least 0 and below 1`, `--auth: --manifests reads no API server that could be asked`},
		},
		"modes and ports out of range": {
			args: []string{"--snapshot-mode=1777", "--listen-address=:99999"},
			want: []string{`--snapshot-mode: 01777 has bits beyond 0777`, `--listen-address: "99999" is not a port between 0 and 65535`},
		},
		"a jitter that is no number, a file nobody could read": {
			args: []string{"--jitter=NaN", "--snapshot-mode=0040"},
			want: []string{`--jitter: NaN must be at least 0 and below 1`,
				`--snapshot-mode: 040 does not let the owner read: a restarted sidecar could not go on from the file`},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), environment{args: c.args, getenv: func(string) string { return "" }, stdout: &stdout, stderr: &stderr})
			if code != exitConfig {
				t.Errorf("got exit code %d, want %d", code, exitConfig)
			}
			var got []string
			for line := range strings.Lines(stderr.String()) {
				got = append(got, strings.TrimSpace(line))
			}
			if diff := cmp.Diff(c.want, got[1:]); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAWebConfigurationExcludesWhatItBreaks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "web.yml")
	users := "basic_auth_users:\n  alice: $2y$10$JpSHAO8HjfyPdrkI3uMkUuQ4yTuPKQwY5GjEXvM4mGRvUNPOAZHjG\n"
	if err := os.WriteFile(path, []byte(users), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := parsed(t, nil, "--web-config-file", path, "--auth=kubernetes")
	err := flags.validate(nil)
	for _, want := range []string{"basic auth and --auth=kubernetes both use the header Authorization", "--probe-address: a kubelet has neither"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
	flags = parsed(t, nil, "--web-config-file", path, "--probe-address=:8096")
	if err := flags.validate(nil); err != nil {
		t.Error(err)
	}
}

// A listener with a limit for all requests refuses a kubelet's probes when others have used it up, and the container is restarted.
func TestARateLimitOfTheWebConfigurationNeedsAProbeAddress(t *testing.T) {
	path := filepath.Join(t.TempDir(), "web.yml")
	if err := os.WriteFile(path, []byte("rate_limit:\n  interval: 1s\n  burst: 10\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := parsed(t, nil, "--web-config-file", path)
	if err, want := flags.validate(nil), "--probe-address: rate_limit in --web-config-file counts a kubelet's probes"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q in it", err, want)
	}
	flags = parsed(t, nil, "--web-config-file", path, "--probe-address=:8096")
	if err := flags.validate(nil); err != nil {
		t.Error(err)
	}
}

func TestOneFaultIsOneLine(t *testing.T) {
	for name, args := range map[string][]string{"a value": {"--jitter=2"}, "an unknown flag": {"--colour"}, "an unknown command": {"walk"}} {
		t.Run(name, func(t *testing.T) {
			var stderr bytes.Buffer
			code := run(t.Context(), environment{args: args, getenv: func(string) string { return "" }, stdout: &stderr, stderr: &stderr})
			if code != exitConfig || strings.Count(stderr.String(), "\n") != 1 || !strings.HasPrefix(stderr.String(), "refresh-sidecar: ") {
				t.Errorf("got exit code %d and %q, want 2 and one line", code, stderr.String())
			}
		})
	}
}

func TestFaultsOfTheConfigurationExitWith2(t *testing.T) {
	for _, args := range [][]string{
		{"convert", "--label-selector", "a!=b", "x"}, {"convert", "--label-selector", "a=(", "x"}, {"convert", "--label-selector=", "x"}, {"convert"},
		{"validate", "--label-selector", "a=(", "x"}, {"validate", "-n", "A", "x"}, {"validate"}, {"inspect", "-o", "xml"}, {"inspect", "a", "b"},
		{"version", "x"}, {"insepct"}, {"--rate-limit"}, {"--label-selector", "a=("},
	} {
		var out bytes.Buffer
		if code := run(t.Context(), environment{args: args, getenv: func(string) string { return "" }, stdout: &out, stderr: &out}); code != exitConfig {
			t.Errorf("%q: got exit code %d, want %d: %s", args, code, exitConfig, out.String())
		}
	}
}

func TestHelpNamesEveryFlagAndVariable(t *testing.T) {
	var stdout bytes.Buffer
	code := run(t.Context(), environment{args: []string{"run", "--help"}, getenv: func(string) string { return "" }, stdout: &stdout, stderr: &stdout})
	if code != exitOK {
		t.Errorf("got exit code %d, want 0", code)
	}
	for _, flag := range flagTable(t) {
		if !strings.Contains(stdout.String(), flag.name) || !strings.Contains(stdout.String(), flag.envar) {
			t.Errorf("%s or %s is missing in the help", flag.name, flag.envar)
		}
	}
}

func TestNoVariableOfAFlagIsAStray(t *testing.T) {
	env := environment{getenv: func(string) string { return "" }}
	for _, flag := range flagTable(t) {
		env.environ = append(env.environ, flag.envar+"=x")
	}
	read, err := parse(env)
	if err != nil {
		t.Fatal(err)
	}
	if len(read.stray) > 0 {
		t.Errorf("got %v, want none", read.stray)
	}
}

func TestHelpNamesEveryDefault(t *testing.T) {
	for _, command := range []string{"run", "inspect", "validate", "convert"} {
		var stdout bytes.Buffer
		read := invocation{}
		run(t.Context(), environment{args: []string{command, "--help"}, getenv: func(string) string { return "" }, stdout: &stdout, stderr: &stdout})
		help := strings.Join(strings.Fields(stdout.String()), " ")
		parser, err := kong.New(&read.commandLine)
		if err != nil {
			t.Fatal(err)
		}
		for _, node := range parser.Model.Children {
			if node.Name != command {
				continue
			}
			for _, flag := range node.Flags {
				shown := strings.Contains(help, flag.Name+"="+flag.Default) || strings.Contains(help, flag.Name+`="`+flag.Default+`"`) ||
					strings.Contains(help, "Default: "+flag.Default+".")
				if flag.HasDefault && flag.Default != "false" && !shown {
					t.Errorf("%s: the default %s of --%s is missing in the help:\n%s", command, flag.Default, flag.Name, help)
				}
			}
		}
	}
}

func TestVersion(t *testing.T) {
	var stdout bytes.Buffer
	code := run(t.Context(), environment{args: []string{"version"}, getenv: func(string) string { return "" }, stdout: &stdout, stderr: &stdout})
	if code != exitOK || !regexp.MustCompile(`^refresh-sidecar \S+ \(go1\.\d+\S*, linux/\w+\)\n$`).MatchString(stdout.String()) {
		t.Errorf("got exit code %d and %q", code, stdout.String())
	}
}

// flagRow is a row of README's table of flags.
type flagRow struct{ name, envar, standard, help string }

// flagTable reads the flags from the struct that kong reads them from.
func flagTable(t *testing.T) (rows []flagRow) {
	t.Helper()
	flags := reflect.TypeFor[runFlags]()
	for i := range flags.NumField() {
		field := flags.Field(i)
		name := strings.ToLower(regexp.MustCompile(`([a-z])([A-Z])`).ReplaceAllString(field.Name, "$1-$2"))
		if _, ok := field.Tag.Lookup("negatable"); ok {
			name = "[no-]" + name
		}
		rows = append(rows, flagRow{"--" + name, field.Tag.Get("envar"), field.Tag.Get("default"), field.Tag.Get("help")})
	}
	return rows
}

func TestREADMEHasTheTableOfFlags(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	orDash := func(s string) string {
		if s == "" {
			return "–"
		}
		return "`" + s + "`"
	}
	var got []string
	for line := range strings.Lines(string(readme)) {
		if strings.HasPrefix(line, "| `--") {
			got = append(got, strings.TrimSpace(line))
		}
	}
	var want []string
	for _, f := range flagTable(t) {
		want = append(want, "| `"+f.name+"` | "+orDash(f.envar)+" | "+orDash(f.standard)+" | "+f.help+" |")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("README's table (-want +got):\n%s", diff)
	}
}
