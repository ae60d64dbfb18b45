package manifests

import (
	"bytes"
	"maps"
	"strings"

	"github.com/alert-history/refresh-sidecar/internal/source"
)

const hintTemplate = "render it first: helm template CHART | refresh-sidecar validate -"

// isTemplate reports whether text holds what Helm has to fill in.
func isTemplate(text []byte) bool { return bytes.Contains(text, []byte("{{")) }

// isEncrypted reports whether SOPS has encrypted an object or a part of it.
func isEncrypted(object map[string]any) bool {
	_, ok := object["sops"].(map[string]any)
	return ok
}

// isEncryptedWhole reports whether SOPS has encrypted even the kind of an object, so that it may be a Secret.
func isEncryptedWhole(object map[string]any) bool {
	kind, _ := object["kind"].(string)
	return isEncrypted(object) && strings.HasPrefix(kind, "ENC[")
}

func encryptedProblem() source.Problem {
	return source.Problem{Rule: "is encrypted with SOPS: decrypt it first", Hint: "decrypt it before it is applied or read: sops --decrypt FILE | kubectl apply -f -"}
}

// maker is a kind of object from which a controller in a cluster makes a Secret.
type maker struct {
	problem  source.Problem
	template []string // the fields that lead to the template of the Secret
}

// makerOf returns the maker of that apiVersion and kind, or nil if the kind makes no Secret. Each maker has had several versions.
func makerOf(version, kind string) *maker {
	group, _, _ := strings.Cut(version, "/")
	switch group + " " + kind {
	case "bitnami.com SealedSecret":
		return &maker{
			problem: source.Problem{Rule: "is a SealedSecret, which becomes a Secret only in a cluster: read it there",
				Hint: "check the Secret before kubeseal seals it, or read it from the cluster"},
			template: []string{"spec", "template"},
		}
	case "external-secrets.io ExternalSecret":
		return &maker{
			problem: source.Problem{Rule: "is an ExternalSecret, whose Secret is made in a cluster: read it there",
				Hint: "check the Secret there: kubectl get secret NAME -o yaml | refresh-sidecar validate -"},
			template: []string{"spec", "target", "template"},
		}
	}
	return nil
}

// manifest returns the Secret that will be made. Only its name and labels are known.
func (k *maker) manifest(at place, object map[string]any, defaultNamespace string) *manifest {
	template := object
	for _, field := range k.template {
		template, _ = template[field].(map[string]any)
	}
	m := newManifest(at, map[string]any{"metadata": object["metadata"]}, defaultNamespace)
	made := newManifest(at, map[string]any{"metadata": template["metadata"]}, defaultNamespace)
	maps.Copy(m.labels, made.labels)
	m.madeElsewhere, m.problems = true, []source.Problem{k.problem}
	return m
}
