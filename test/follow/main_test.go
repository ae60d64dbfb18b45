// Package follow_test has the engine follow changes on a real API server: kube, sync, writer and reader in one process, so that
// limits can be shortened and requests counted. What only the shipped program shows is in package sidecar_test.
package follow_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// toxiproxy leaves one behind now and then, when a toxic comes to a connection that is busy.
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*ToxicStub).Run"))
}
