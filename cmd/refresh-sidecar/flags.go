package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

// Commands as kong names them.
const (
	commandNone     = "" // help was asked for, and is printed
	commandRun      = "run"
	commandVersion  = "version"
	commandInspect  = "inspect"
	commandValidate = "validate"
	commandConvert  = "convert"
)

// commandLine is the program's commands and flags. The help, the environment variables and the README's table come from it.
type commandLine struct {
	Run      runFlags      `cmd:"" default:"withargs" help:"Keep the snapshot fresh (default)."`
	Inspect  inspectFlags  `cmd:"" help:"Show the snapshot."`
	Validate validateFlags `cmd:"" help:"Check Secret manifests before they are applied."`
	Convert  convertFlags  `cmd:"" help:"Print Secrets of older shapes as Secrets of today's."`
	Version  struct{}      `cmd:"" help:"Print the version."`
}

// runFlags are the flags of run. The tag envar names the environment variable; kong's own tag would take an empty variable for a value.
type runFlags struct {
	RefreshInterval durationOption  `default:"5m" envar:"TARGET_REFRESH_INTERVAL" help:"Time between periodic refreshes; at least 1s." group:"schedule"`
	RefreshTimeout  durationOption  `default:"30s" envar:"TARGET_REFRESH_TIMEOUT" help:"Limit for one attempt." group:"schedule"`
	RetryBackoff    durationsOption `default:"30s,1m,2m,5m" envar:"TARGET_REFRESH_BACKOFF" help:"Waits before retry 1, 2, 3, …; the last repeats; each at least 1s." group:"schedule"`
	MaxRetries      intOption       `default:"5" envar:"TARGET_REFRESH_MAX_RETRIES" help:"Retries before waiting for the next scheduled refresh." group:"schedule"`
	StartupBackoff  durationsOption `default:"1s,2s,5s,10s,30s" envar:"TARGET_STARTUP_BACKOFF" help:"Waits until the first success of this process, and between tries of a failed write; the last repeats, without end." group:"schedule"`
	Jitter          shareOption     `default:"0.1" envar:"TARGET_REFRESH_JITTER" help:"Up to this share is taken off each interval and wait, so that pods do not tick together; 0 = exact." group:"schedule"`
	RateLimit       durationOption  `default:"1m" envar:"TARGET_REFRESH_RATE_LIMIT" help:"Least time between accepted manual refreshes; 0 = unlimited." group:"schedule"`
	Watch           boolOption      `default:"true" negatable:"" envar:"TARGET_WATCH" help:"Follow changes between refreshes: a changed Secret is published at once." group:"schedule"`

	Namespace     []string   `envar:"TARGET_NAMESPACE" placeholder:"NAME" help:"Where to look for Secrets; repeatable, or a comma list. Default: the pod's own, or the kubeconfig's. With --manifests: the namespace of Secrets that name none." group:"source"`
	AllNamespaces boolOption `default:"false" envar:"TARGET_ALL_NAMESPACES" help:"Look in the whole cluster." group:"source"`
	LabelSelector string     `default:"publishing-target=true" envar:"TARGET_LABEL_SELECTOR" help:"Which Secrets count." group:"source"`
	Kubeconfig    string     `placeholder:"PATH" help:"For running outside a pod; the variable KUBECONFIG works as in kubectl. Default: in-cluster." group:"source"`
	Context       string     `placeholder:"NAME" help:"Context of the kubeconfig. Default: its current one." group:"source"`
	Manifests     string     `envar:"TARGET_MANIFESTS" placeholder:"PATH" help:"Read Secret manifests from a file or a directory tree instead of an API server." group:"source"`

	SnapshotPath string     `default:"/var/run/publishing-targets/targets.json" envar:"TARGET_SNAPSHOT_PATH" placeholder:"PATH" help:"The file to publish." group:"snapshot"`
	SnapshotMode modeOption `default:"0640" envar:"TARGET_SNAPSHOT_MODE" help:"Its mode, octal; exact, whatever the umask." group:"snapshot"`
	OnInvalid    string     `default:"keep" envar:"TARGET_ON_INVALID" help:"A Secret that yielded a target and no longer does: keep its last good one, or drop it." group:"snapshot"`
	MinTargets   intOption  `default:"0" envar:"TARGET_MIN_TARGETS" help:"Publish nothing with fewer targets: a guard against a wrong label or namespace, which the API answers with an empty list." group:"snapshot"`
	Once         boolOption `default:"false" envar:"TARGET_ONCE" help:"Publish one snapshot and exit, for an init container." group:"snapshot"`

	ListenAddress   string         `default:":8095" envar:"TARGET_LISTEN_ADDRESS" placeholder:"HOST:PORT" help:"Where to serve refresh, status, metrics and health; port 0 picks a free one." group:"process"`
	ProbeAddress    string         `envar:"TARGET_PROBE_ADDRESS" placeholder:"HOST:PORT" help:"A plain listener with only /healthz and /readyz, for when the main one asks for certificates or passwords that a kubelet cannot give, or limits the rate of all requests (then required). Default: off." group:"process"`
	Auth            string         `default:"none" envar:"TARGET_AUTH" help:"Who may refresh and list targets: none (everybody), token (a bearer token of --auth-token-file), or kubernetes (whom the API server lets)." group:"process"`
	AuthTokenFile   string         `envar:"TARGET_AUTH_TOKEN_FILE" placeholder:"PATH" help:"For --auth=token: one token per line, all valid, re-read when it changes." group:"process"`
	WebConfigFile   string         `envar:"TARGET_WEB_CONFIG_FILE" placeholder:"PATH" help:"TLS, client certificates and basic auth in the format of Prometheus exporter-toolkit." group:"process"`
	PprofAddress    string         `envar:"TARGET_PPROF_ADDRESS" placeholder:"HOST:PORT" help:"Where to serve Go profiles, e.g. 127.0.0.1:6060; never on the main port. Default: off." group:"process"`
	ShutdownTimeout durationOption `default:"25s" envar:"TARGET_SHUTDOWN_TIMEOUT" help:"How long a running refresh may go on after SIGTERM." group:"process"`
	LogLevel        string         `default:"info" envar:"TARGET_LOG_LEVEL" help:"debug, info, warn or error." group:"process"`
	LogFormat       string         `default:"json" envar:"TARGET_LOG_FORMAT" help:"json, or console for people." group:"process"`
}

// invocation is the command line and the environment as they were read.
type invocation struct {
	commandLine
	command   string            // commandNone after help was printed
	variables map[string]string // by flag, as in --jitter: the environment variable that its value comes from
	stray     []strayVariable
}

// parse reads the command line and the environment.
func parse(env environment) (read invocation, err error) {
	exited := false
	parser, err := kong.New(&read.commandLine,
		kong.Name("refresh-sidecar"),
		kong.Description("Keeps one snapshot file of publishing targets fresh."),
		kong.Writers(env.stdout, env.stderr),
		kong.Exit(func(int) { exited = true }),
		kong.ValueFormatter(describeFlag),
		kong.ExplicitGroups([]kong.Group{
			{Key: "schedule", Title: "When to refresh:"},
			{Key: "source", Title: "Where to look:"},
			{Key: "snapshot", Title: "What to publish:"},
			{Key: "process", Title: "The process:"},
		}),
		kong.Resolvers(kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
			if text := env.getenv(envar(flag.Value)); text != "" {
				return text, nil
			}
			return nil, nil
		})),
	)
	if err != nil {
		return read, fmt.Errorf("building the command line: %w", err)
	}
	grammar := newGrammar(parser.Model)
	args, err := grammar.tidy(env.args)
	if err != nil {
		return read, err
	}
	parsed, err := parser.Parse(args)
	if exited {
		return read, nil
	}
	if err != nil {
		return read, fmt.Errorf("%w (see refresh-sidecar %s --help)", err, failedCommand(err))
	}
	read.command, _, _ = strings.Cut(parsed.Command(), " ") // the arguments follow the name
	read.variables = resolvedFrom(parsed)
	read.stray = grammar.stray(env.environ)
	return read, nil
}

// failedCommand returns the command whose arguments cannot be parsed.
func failedCommand(err error) string {
	if fault, ok := errors.AsType[*kong.ParseError](err); ok && fault.Context != nil && fault.Context.Selected() != nil {
		return fault.Context.Selected().Name
	}
	return commandRun
}

// resolvedFrom returns the variables that values come from, by flag.
func resolvedFrom(parsed *kong.Context) map[string]string {
	variables := map[string]string{}
	for _, step := range parsed.Path {
		if step.Resolved {
			variables["--"+step.Flag.Name] = envar(step.Flag.Value)
		}
	}
	return variables
}

// envar returns the environment variable of a flag, or "".
func envar(v *kong.Value) string { return v.Tag.Get("envar") }

// describeFlag adds to a flag's help its environment variable, and a default that the flag's spelling does not show.
func describeFlag(v *kong.Value) string {
	text := v.Help
	if v.Flag != nil && v.HasDefault && (v.Flag.PlaceHolder != "" || v.IsBool() && v.Default == "true") {
		text += " Default: " + v.Default + "."
	}
	if name := envar(v); name != "" {
		text += " ($" + name + ")"
	}
	return text
}
