// Package discovery finds the Secrets that describe publishing targets, in a Kubernetes API server or in manifest files, and turns
// each into a target or a fault.
package discovery
