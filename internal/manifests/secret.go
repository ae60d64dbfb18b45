package manifests

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/alert-history/refresh-sidecar/internal/secret"
	"github.com/alert-history/refresh-sidecar/internal/source"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// manifest is a Secret as a file has it. What an API server would refuse makes a fault of this one Secret: a typo in one must not
// keep the others from being read.
type manifest struct {
	place
	obj      corev1.Secret
	labels   labels.Set
	problems []source.Problem
}

const hintStrings = "write it as lines of key: value"

func (m *manifest) key() string { return m.obj.Namespace + "/" + m.obj.Name }

func (m *manifest) reject(field, rule, hint string) {
	m.problems = append(m.problems, source.Problem{Field: field, Rule: rule, Hint: hint})
}

// decode returns what the Secret yields.
func (m *manifest) decode() source.Secret {
	if len(m.problems) > 0 {
		return source.Secret{Key: m.key(), Fault: &source.Fault{Reason: targetsfile.RejectParse, Problems: m.problems}}
	}
	return secret.Decode(&m.obj)
}

// newManifest takes from an object what matters here. Fields are read by exact name, as an API server does.
func newManifest(at place, object map[string]any, defaultNamespace string) *manifest {
	m := &manifest{place: at, labels: labels.Set{}}
	metadata, _ := object["metadata"].(map[string]any)
	m.obj.Name, _ = metadata["name"].(string)
	if namespace := metadata["namespace"]; namespace == nil || namespace == "" {
		m.obj.Namespace = defaultNamespace
	} else {
		m.obj.Namespace, _ = namespace.(string)
	}
	m.readLabels(metadata["labels"])
	m.obj.Data = make(map[string][]byte)
	m.readData("data", object["data"], base64.StdEncoding.DecodeString)
	m.readData("stringData", object["stringData"], func(text string) ([]byte, error) { return []byte(text), nil }) // wins
	return m
}

// checkName refuses what no API server could store. There is no Secret to blame without a name.
func (m *manifest) checkName() error {
	if len(validation.IsDNS1123Subdomain(m.obj.Name)) > 0 {
		return m.fail("use a-z, 0-9, - and ., with a letter or digit at both ends", "a Secret must have a metadata.name that is a DNS-1123 subdomain")
	}
	if len(validation.IsDNS1123Label(m.obj.Namespace)) > 0 {
		return m.fail("leave it out for the default", "a Secret must have a metadata.namespace that is a DNS-1123 label")
	}
	return nil
}

// readLabels takes true for "true": the selector must find the Secret whose label lacks its quotes, for it to be reported.
func (m *manifest) readLabels(value any) {
	set, ok := value.(map[string]any)
	if !ok && value != nil {
		m.reject("metadata.labels", "must be an object of strings", hintStrings)
	}
	for _, key := range slices.Sorted(maps.Keys(set)) {
		text, ok := set[key].(string)
		if !ok {
			text = fmt.Sprint(set[key])
			m.rejectValue("metadata.labels", key, "must be a string", "put it in quotes")
		}
		m.labels[key] = text
	}
}

// readData adds the values of data or stringData.
func (m *manifest) readData(field string, value any, decode func(string) ([]byte, error)) {
	set, ok := value.(map[string]any)
	if !ok && value != nil {
		m.reject(field, "must be an object of strings", hintStrings)
	}
	for _, key := range slices.Sorted(maps.Keys(set)) {
		text, ok := set[key].(string)
		if !ok && set[key] != nil { // null is an empty value, as it is for kubectl
			m.rejectValue(field, key, "must be a string", "put it in quotes")
			continue
		}
		decoded, err := decode(text)
		if err != nil {
			m.rejectValue(field, key, "must be base64", "use stringData for plain text")
			continue
		}
		m.obj.Data[key] = decoded
	}
}

func (m *manifest) rejectValue(field, key, rule, hint string) {
	const reported = 10 // more would only make a long message, and that ends up in the snapshot
	if len(m.problems) >= reported {
		return
	}
	if secret.IsIdentifier(key) {
		field += "." + key
	}
	m.reject(field, rule, hint)
}
