package main

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// inspectFlags are the arguments of inspect.
type inspectFlags struct {
	Path        string         `arg:"" optional:"" help:"The snapshot file. Default: $$TARGET_SNAPSHOT_PATH, otherwise /var/run/publishing-targets/targets.json."`
	Output      formatOption   `short:"o" default:"table" placeholder:"FORMAT" help:"table (default), json or yaml."`
	MaxAge      durationOption `default:"0s" placeholder:"DURATION" help:"Exit with 1 if the last refresh is longer ago than this; 0 = any age will do."`
	ShowSecrets boolOption     `default:"false" help:"Show URLs and headers' values too: they are credentials."`
}

func (i *inspectFlags) validate() error {
	var f faults
	f.oneOf("--output", string(i.Output), outputTable, outputJSON, outputYAML)
	f.atLeast("--max-age", i.MaxAge, 0)
	f.parsed("--show-secrets", i.ShowSecrets.fault)
	return f.err()
}

// inspect prints the snapshot at path. What it prints holds public parts only, unless --show-secrets.
func inspect(flags *inspectFlags, path string, env environment) int {
	if err := flags.validate(); err != nil {
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

// print writes the report in one piece: what fails to be encoded leaves no half of it behind.
func (r *report) print(env environment, format formatOption) error {
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
