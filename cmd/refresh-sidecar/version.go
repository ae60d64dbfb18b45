package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is set by the linker: -X main.version=1.2.3.
var version string

// versionLine describes the build on one line.
func versionLine() string {
	return fmt.Sprintf("refresh-sidecar %s (%s, %s/%s)", buildVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// buildVersion returns the version that the linker has set, otherwise the module's version that go install and go build record.
func buildVersion() string {
	module := ""
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "(devel)" {
		module = info.Main.Version
	}
	return cmp.Or(version, module, "devel")
}

// userAgent names this program to the API server.
func userAgent() string { return "refresh-sidecar/" + buildVersion() }
