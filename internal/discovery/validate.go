package discovery

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"path/filepath"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/alert-history/refresh-sidecar/internal/source"
)

// Severity says how much a [Finding] weighs.
type Severity string

// Severities.
const (
	Failed  Severity = "fault"   // the sidecar would refuse the file, or reject the Secret
	Warned  Severity = "warning" // works, but was hardly meant so
	Skipped Severity = "skipped" // a Secret that the selector does not select
)

// Finding is one thing that is to be said about a manifest. Like a [source.Fault], it holds nothing of a Secret but its public parts.
type Finding struct {
	Severity Severity
	File     string // empty: all files together
	Document int    // from 1; 0: the file as a whole
	Item     int    // of a List, from 1; 0: not in one
	Secret   string // namespace/name; empty: the file or document as a whole
	source.Problem
}

// ValidateConfig says which manifests to check. They are taken for what one sidecar reads together.
type ValidateConfig struct {
	Paths            []string  // files and directories, as [ManifestsConfig] has them; "-" reads Stdin
	Stdin            io.Reader // nil: nothing
	LabelSelector    string    // which Secrets count; empty: all
	DefaultNamespace string    // of Secrets that name none; empty: "default"
}

// Validation is the outcome of [ValidateManifests].
type Validation struct {
	Files    int       // that were read
	Secrets  int       // that the selector selects
	Findings []Finding // in the order of paths, files and documents
}

// ValidateManifests checks manifests before they reach a cluster. Unlike [Manifests.List] it does not stop at the first file or
// document that is broken. It does not wait for writers either, and what it says of a file being written is what it saw.
//
// The error is about the configuration, or that of ctx; whatever is wrong with the manifests is a [Finding].
func ValidateManifests(ctx context.Context, config ValidateConfig) (Validation, error) {
	selector, err := labels.Parse(config.LabelSelector)
	if err != nil {
		return Validation{}, fmt.Errorf("label selector: %w", err)
	}
	c := checker{
		selector: selector, defaultNamespace: cmp.Or(config.DefaultNamespace, "default"),
		read: make(map[inode]bool), secrets: make(map[string]*manifest), names: make(map[string]*manifest),
	}
	for _, path := range config.Paths {
		if path == "-" {
			c.stdin(config.Stdin)
			continue
		}
		c.path(ctx, filepath.Clean(path))
	}
	if err := ctx.Err(); err != nil {
		return Validation{}, err
	}
	if c.out.Secrets == 0 && len(c.out.Findings) == 0 { // else what was found explains it
		c.add(place{}, Warned, "", source.Problem{Rule: "there is no Secret in these files", Hint: "is it the right path?"})
	}
	return c.out, nil
}
