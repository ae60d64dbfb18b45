// Package follow_test has the engine follow changes on a real API server: kube, sync, writer and reader in one process, so that
// limits can be shortened and requests counted. What only the shipped program shows is in package sidecar_test.
package follow_test

import (
	"testing"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/internal/wire"
)

func TestMain(m *testing.M) {
	controlplane.Main(m, wire.IgnoreLeaks()...)
}
