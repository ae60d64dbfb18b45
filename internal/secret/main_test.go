package secret_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/alert-history/refresh-sidecar/internal/source"
)

// warnings returns the texts of a Secret's warnings, nil if it has none.
func warnings(s source.Secret) (texts []string) {
	for _, w := range s.Warnings {
		texts = append(texts, w.String())
	}
	return texts
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
