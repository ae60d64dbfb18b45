package binaries

import "time"

// HelmVersion is the version of Helm that is built.
const HelmVersion = "4.3.1"

// Helm renders and checks charts.
const Helm Name = "helm"

func helmSource() source {
	return source{
		takes:   Cost{5 * time.Minute, 1},
		module:  "helm.sh/helm/v4",
		version: "v" + HelmVersion,
		pkg:     "helm.sh/helm/v4/cmd/helm",
		ldflags: "-s -w -X helm.sh/helm/v4/internal/version.version=v" + HelmVersion,
	}
}
