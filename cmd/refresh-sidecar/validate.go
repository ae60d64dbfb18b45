package main

import (
	"regexp"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/alert-history/refresh-sidecar/internal/api"
	"github.com/alert-history/refresh-sidecar/internal/kube"
)

// namespaceName is the form of a namespace's name, a DNS-1123 label.
var namespaceName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

// validate returns every fault of the values at once.
func (r *runFlags) validate(variables map[string]string) error {
	f := faults{variables: variables}
	r.validateSchedule(&f)
	r.validateSource(&f)
	r.validateSnapshot(&f)
	r.validateProcess(&f)
	return f.err()
}

func (r *runFlags) validateSchedule(f *faults) {
	f.atLeast("--refresh-interval", r.RefreshInterval, time.Second)
	f.atLeast("--refresh-timeout", r.RefreshTimeout, time.Millisecond)
	f.eachAtLeast("--retry-backoff", r.RetryBackoff, time.Second)
	f.notNegative("--max-retries", r.MaxRetries)
	f.eachAtLeast("--startup-backoff", r.StartupBackoff, 100*time.Millisecond)
	if f.parsed("--jitter", r.Jitter.fault) && !(r.Jitter.value >= 0 && r.Jitter.value < 1) {
		f.add("--jitter", "%v must be at least 0 and below 1", r.Jitter.value)
	}
	f.atLeast("--rate-limit", r.RateLimit, 0)
}

func (r *runFlags) validateSource(f *faults) {
	for _, name := range r.Namespace {
		if !namespaceName.MatchString(name) {
			f.add("--namespace", "%q is not a namespace's name: lower case letters, digits and -, at most 63", name)
		}
	}
	all := f.parsed("--all-namespaces", r.AllNamespaces.fault) && r.AllNamespaces.value
	if all && len(r.Namespace) > 0 {
		f.add("--all-namespaces", "leave it out to look in --namespace %s only, or leave that out", strings.Join(r.Namespace, ","))
	}
	if err := kube.ValidateSelector(r.LabelSelector); err != nil {
		f.add("--label-selector", "%v", err)
	}
	if r.Manifests == "" {
		return
	}
	for _, beside := range []struct {
		flag  string
		given bool
	}{{"--all-namespaces", all}, {"--kubeconfig", r.Kubeconfig != ""}, {"--context", r.Context != ""}} {
		if beside.given {
			f.add(beside.flag, "--manifests reads no API server: leave out one of the two")
		}
	}
}

func (r *runFlags) validateSnapshot(f *faults) {
	if r.SnapshotPath == "" || strings.HasSuffix(r.SnapshotPath, "/") {
		f.add("--snapshot-path", "%q must name a file", r.SnapshotPath)
	}
	if f.parsed("--snapshot-mode", r.SnapshotMode.fault) && r.SnapshotMode.value&^0o777 != 0 {
		f.add("--snapshot-mode", "%#o has bits beyond 0777", uint32(r.SnapshotMode.value))
	} else if r.SnapshotMode.fault == nil && r.SnapshotMode.value&0o400 == 0 {
		f.add("--snapshot-mode", "%#o does not let the owner read: a restarted sidecar could not go on from the file", uint32(r.SnapshotMode.value))
	}
	f.oneOf("--on-invalid", r.OnInvalid, "keep", "drop")
	f.notNegative("--min-targets", r.MinTargets)
	f.parsed("--once", r.Once.fault)
	f.parsed("--watch", r.Watch.fault)
}

func (r *runFlags) validateProcess(f *faults) {
	f.address("--listen-address", r.ListenAddress, false)
	f.address("--probe-address", r.ProbeAddress, true)
	f.address("--pprof-address", r.PprofAddress, true)
	r.validateAuth(f)
	f.atLeast("--shutdown-timeout", r.ShutdownTimeout, 0)
	f.oneOf("--log-level", r.LogLevel, "debug", "info", "warn", "error")
	f.oneOf("--log-format", r.LogFormat, "json", "console")
}

func (r *runFlags) validateAuth(f *faults) {
	f.oneOf("--auth", r.Auth, authNone, authToken, authKubernetes)
	switch {
	case r.Auth == authToken && r.AuthTokenFile == "":
		f.add("--auth-token-file", "--auth=token needs it")
	case r.Auth == authToken:
		if _, err := api.NewTokenFile(r.AuthTokenFile, zerolog.Nop()); err != nil {
			f.add("--auth-token-file", "%v", err)
		}
	case r.Auth != authToken && r.AuthTokenFile != "":
		f.add("--auth-token-file", "it counts with --auth=token only")
	case r.Auth == authKubernetes && r.Manifests != "":
		f.add("--auth", "--manifests reads no API server that could be asked")
	}
	if r.WebConfigFile == "" {
		return
	}
	web, err := api.ReadWebConfig(r.WebConfigFile)
	if err != nil {
		f.add("--web-config-file", "%v", err)
		return
	}
	if web.Passwords && r.Auth != authNone {
		f.add("--web-config-file", "basic auth and --auth=%s both use the header Authorization: choose one", r.Auth)
	}
	switch {
	case r.ProbeAddress != "":
	case web.ShutsProbesOut():
		f.add("--probe-address", "a kubelet has neither the certificate nor the password that --web-config-file asks for: give its probes a listener")
	case web.RateLimit:
		f.add("--probe-address", "rate_limit in --web-config-file counts a kubelet's probes, too, and can leave no path out: give its probes a listener, such as :8096")
	}
}

// logging returns the validated log settings.
func (r *runFlags) logging() logging {
	level, err := zerolog.ParseLevel(r.LogLevel)
	if err != nil {
		level = zerolog.InfoLevel
	}
	return logging{level: level, console: r.LogFormat == "console"}
}
