package main

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/rs/zerolog"
	"k8s.io/client-go/rest"

	"github.com/alert-history/refresh-sidecar/internal/kube"
	"github.com/alert-history/refresh-sidecar/internal/manifests"
	targetsync "github.com/alert-history/refresh-sidecar/internal/sync"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// source is where Secrets come from, and the origin that documents name.
type source struct {
	secrets    targetsync.Source
	namespaces []string
	origin     targetsfile.Source
	rest       *rest.Config // nil for manifests
	close      func()
}

// String describes the source for a log line.
func (s source) String() string {
	if s.origin.Kind == targetsfile.SourceManifests {
		return "manifests in " + s.origin.Path
	}
	if len(s.origin.Namespaces) == 0 {
		return "all namespaces"
	}
	return "namespaces " + strings.Join(s.origin.Namespaces, ", ")
}

func newSource(flags *runFlags, log zerolog.Logger) (source, error) {
	if flags.Manifests != "" {
		return newManifestsSource(flags, log)
	}
	return newKubernetesSource(flags)
}

func newManifestsSource(flags *runFlags, log zerolog.Logger) (source, error) {
	namespace := "default"
	if len(flags.Namespace) > 0 {
		namespace = flags.Namespace[0]
	}
	files, err := manifests.New(manifests.Config{
		Path: flags.Manifests, LabelSelector: flags.LabelSelector, DefaultNamespace: namespace, Logger: log,
	})
	if err != nil {
		return source{}, err
	}
	return source{
		secrets: files, namespaces: []string{""}, close: func() {},
		origin: targetsfile.Source{Kind: targetsfile.SourceManifests, Path: filepath.Clean(flags.Manifests), LabelSelector: flags.LabelSelector},
	}, nil
}

func newKubernetesSource(flags *runFlags) (source, error) {
	config, own, err := kube.RESTConfig(flags.Kubeconfig, flags.Context)
	if err != nil {
		return source{}, err
	}
	server, err := kube.New(kube.Config{
		REST: config, LabelSelector: flags.LabelSelector, UserAgent: userAgent(),
	})
	if err != nil {
		return source{}, err
	}
	out := source{
		secrets: server, rest: config, close: server.Close,
		origin: targetsfile.Source{Kind: targetsfile.SourceKubernetes, Namespaces: []string{}, LabelSelector: flags.LabelSelector},
	}
	if flags.AllNamespaces.value {
		out.namespaces = []string{""}
		return out, nil
	}
	out.namespaces = []string{own}
	if len(flags.Namespace) > 0 {
		out.namespaces = slices.Compact(slices.Sorted(slices.Values(flags.Namespace)))
	}
	out.origin.Namespaces = out.namespaces
	return out, nil
}
