package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// inspectFlags are the arguments of inspect.
type inspectFlags struct {
	Path        string         `arg:"" optional:"" help:"The snapshot file. Default: $$TARGET_SNAPSHOT_PATH, otherwise /var/run/publishing-targets/targets.json."`
	Output      string         `short:"o" default:"table" placeholder:"FORMAT" help:"table, json or yaml."`
	MaxAge      durationOption `default:"0s" placeholder:"DURATION" help:"Exit with 1 if the last refresh is longer ago than this; 0 = any age will do."`
	ShowSecrets boolOption     `default:"false" help:"Show URLs and headers' values too: they are credentials."`
}

func (i *inspectFlags) validate(variables map[string]string) error {
	f := faults{variables: variables}
	f.oneOf("--output", i.Output, outputTable, outputJSON, outputYAML)
	f.atLeast("--max-age", i.MaxAge, 0)
	f.parsed("--show-secrets", i.ShowSecrets.fault)
	return f.err()
}

// inspect prints the snapshot at path. What it prints holds public parts only, unless --show-secrets.
func inspect(flags *inspectFlags, path string, env environment) int {
	if err := flags.validate(nil); err != nil {
		complain(env.stderr, err, "")
		return exitConfig
	}
	doc, err := targetsfile.ReadFile(path)
	if err != nil {
		complain(env.stderr, err, loadHint(err))
		return exitFault
	}
	r := newReport(path, doc, flags.ShowSecrets.value)
	if err := r.print(env, flags.Output); err != nil {
		complain(env.stderr, fmt.Errorf("printing the snapshot: %w", err), "")
		return exitFault
	}
	if age := time.Since(doc.RefreshedAt); flags.MaxAge.value > 0 && age > flags.MaxAge.value {
		complain(env.stderr, fmt.Errorf("snapshot %s was refreshed %s ago, --max-age is %s", path, duration.HumanDuration(age), flags.MaxAge.value),
			"refreshes fail or have stopped: the sidecar's log and GET /api/v2/publishing/targets/status say why")
		return exitFault
	}
	return exitOK
}

// print writes the report in one piece: a report that cannot be encoded leaves no half of itself behind.
func (r *report) print(env environment, format string) error {
	if format != outputTable {
		return encode(env.stdout, format, r)
	}
	var buf bytes.Buffer
	r.table(&buf)
	_, err := env.stdout.Write(buf.Bytes())
	return err
}

// loadHint says what to do about a file that is not accepted.
func loadHint(err error) string {
	load, ok := errors.AsType[*targetsfile.LoadError](err)
	if !ok {
		return ""
	}
	switch load.Reason {
	case targetsfile.ReasonMissing:
		return "nothing was published here yet, or the path is wrong: the sidecar's log names its snapshot_path and what keeps it from publishing"
	case targetsfile.ReasonPermission:
		return "run this in the sidecar's container, or as a user of the pod's fsGroup; --snapshot-mode decides who may read"
	case targetsfile.ReasonNotRegular:
		return "give the path of the file itself, such as /var/run/publishing-targets/targets.json"
	case targetsfile.ReasonUnsupported:
		return "use the inspect of the sidecar that wrote it"
	case targetsfile.ReasonIO:
		return "is the volume in order?"
	}
	return "no sidecar leaves this behind: is it another file, or was it edited? The next successful refresh replaces it"
}

// report is what inspect tells of a snapshot. A field that the file has, too, has the file's name for it.
type report struct {
	Path        string                  `json:"path"`
	Epoch       string                  `json:"epoch"`
	Generation  uint64                  `json:"generation"`
	Checksum    string                  `json:"checksum"` // verified: otherwise there is no report
	ChangedAt   time.Time               `json:"changed_at,omitzero"`
	RefreshedAt time.Time               `json:"refreshed_at,omitzero"`
	AgeSeconds  int64                   `json:"age_seconds"` // the time since RefreshedAt
	StaleAfter  time.Time               `json:"stale_after,omitzero"`
	Stale       bool                    `json:"stale"`
	Source      targetsfile.Source      `json:"source"`
	Discovered  int                     `json:"targets_discovered"`
	Valid       int                     `json:"targets_valid"`
	Invalid     int                     `json:"targets_invalid"`
	Targets     []reportTarget          `json:"targets"`
	Rejections  []targetsfile.Rejection `json:"invalid"`

	now     time.Time
	secrets bool // --show-secrets was given
}

// reportTarget is a target as inspect shows it. The fields of the second group are set with --show-secrets only. They are listed one by
// one, so that a field that the file gains later is not shown before somebody has decided that it may be.
type reportTarget struct {
	Name        string    `json:"name"`
	Type        string    `json:"type"`
	Enabled     bool      `json:"enabled"`
	Host        string    `json:"host"`
	Format      string    `json:"format"`
	HeaderNames []string  `json:"header_names"`
	Secret      string    `json:"secret"`
	StaleSince  time.Time `json:"stale_since,omitzero"`

	URL          string                     `json:"url,omitempty"`
	Headers      map[string]string          `json:"headers,omitempty"`
	FilterConfig json.RawMessage            `json:"filter_config,omitempty"`
	Extra        map[string]json.RawMessage `json:"extra,omitempty"`
}

func newReport(path string, doc *targetsfile.Document, secrets bool) *report {
	now := time.Now()
	r := &report{
		Path: path, Epoch: doc.Epoch, Generation: doc.Generation, Checksum: doc.Checksum,
		ChangedAt: doc.ChangedAt, RefreshedAt: doc.RefreshedAt, AgeSeconds: int64(now.Sub(doc.RefreshedAt).Seconds()),
		StaleAfter: doc.StaleAfter, Stale: now.After(doc.StaleAfter), Source: doc.Source,
		Discovered: doc.Discovered, Valid: doc.Valid, Invalid: doc.Invalid,
		Targets: make([]reportTarget, 0, len(doc.Entries)), Rejections: append([]targetsfile.Rejection{}, doc.Rejections...),
		now: now, secrets: secrets,
	}
	for i := range doc.Entries { // sorted by name: a file that is not is refused
		r.Targets = append(r.Targets, newReportTarget(&doc.Entries[i].Target, secrets))
	}
	return r
}

func newReportTarget(t *targetsfile.Target, secrets bool) reportTarget {
	out := reportTarget{
		Name: t.Name, Type: t.Type, Enabled: t.Enabled, Host: t.Host(), Format: t.PayloadFormat,
		HeaderNames: append([]string{}, slices.Sorted(maps.Keys(t.Headers))...), Secret: t.Secret, StaleSince: t.StaleSince,
	}
	if secrets {
		out.URL, out.Headers, out.FilterConfig, out.Extra = t.URL, t.Headers, t.FilterConfig, t.Extra
	}
	return out
}

// counts returns how many targets are last good ones, and how many are enabled.
func (r *report) counts() (kept, enabled int) {
	for _, t := range r.Targets {
		if !t.StaleSince.IsZero() {
			kept++
		}
		if t.Enabled {
			enabled++
		}
	}
	return kept, enabled
}
