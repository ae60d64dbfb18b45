// Package integration runs examples/integration beside the real sidecar, and holds docs/integration.md to it.
package integration
