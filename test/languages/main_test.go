// Package languages_test looks at the snapshot file as apps in other languages do: with the readers of docs/readers, with validators of its
// JSON Schema, and with readers that are generated from that schema. What an interpreter or npm is missing for is skipped, aloud.
package languages_test

import (
	"os"
	"testing"

	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

func TestMain(m *testing.M) {
	code := m.Run()
	sidecar.RemoveBinary()
	os.Exit(code)
}
