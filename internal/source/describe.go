package source

import (
	"strings"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// Describe names a source in words: where Secrets are looked for, and the label that they carry.
func Describe(s targetsfile.Source) string {
	where := s.Kind + ", all namespaces"
	switch {
	case s.Kind == targetsfile.SourceManifests:
		where = "manifests in " + s.Path
	case len(s.Namespaces) > 0:
		where = s.Kind + ", namespaces " + strings.Join(s.Namespaces, ", ")
	}
	if s.LabelSelector == "" {
		return where
	}
	return where + ", label " + s.LabelSelector
}
