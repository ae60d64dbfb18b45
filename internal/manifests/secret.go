package manifests

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/labels"
	kubejson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/alert-history/refresh-sidecar/internal/secret"
	"github.com/alert-history/refresh-sidecar/internal/source"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// manifest is a Secret as a file has it. What an API server would refuse is a fault of this one Secret: a typo in one Secret must not keep
// the others from being read.
type manifest struct {
	place
	obj           secret.Object
	labels        labels.Set
	problems      []source.Problem
	hasNamespace  bool // the manifest names its namespace
	isNameless    bool // no API server could store the Secret under its name and namespace
	isHidden      bool // the labels cannot be read, so the selector may select the Secret
	madeElsewhere bool // a controller in a cluster makes the Secret, whose content is not in the manifest
}

const hintStrings = "write it as lines of key: value"

func (m *manifest) key() string { return m.obj.Namespace + "/" + m.obj.Name }

// shownKey is the key of the Secret in a finding. It is empty for a Secret without a possible name, which the finding's place identifies.
func (m *manifest) shownKey() string {
	if m.isNameless {
		return ""
	}
	return m.key()
}

// isSelected reports whether a selector selects the Secret, or may select it because its labels cannot be read.
func (m *manifest) isSelected(selector labels.Selector) bool {
	return m.isHidden || selector.Matches(m.labels)
}

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

// newManifest takes from an object what a target needs. Fields are read by exact name, as an API server does.
func newManifest(at place, object map[string]any, defaultNamespace string) *manifest {
	m := &manifest{place: at, labels: labels.Set{}}
	metadata, _ := object["metadata"].(map[string]any)
	m.obj.Name, _ = metadata["name"].(string)
	if namespace := metadata["namespace"]; namespace == nil || namespace == "" {
		m.obj.Namespace = defaultNamespace
	} else {
		m.obj.Namespace, _ = namespace.(string)
		m.hasNamespace = true
	}
	m.checkName(metadata)
	m.readLabels(metadata["labels"])
	if isEncrypted(object) {
		m.isHidden, m.problems = isEncryptedWhole(object), append(m.problems[:0], encryptedProblem())
		return m
	}
	if object["items"] != nil {
		m.reject("items", "a Secret has no items", "kubectl would take it for a list, and read only those")
	}
	m.checkTypes(object, metadata)
	kind, _ := object["type"].(string)
	m.obj.Type, m.obj.Data = kind, make(map[string][]byte)
	m.readData("data", object["data"], base64.StdEncoding.DecodeString)
	m.readData("stringData", object["stringData"], func(text string) ([]byte, error) { return []byte(text), nil }) // wins over data
	return m
}

// checkName rejects a name or namespace that no API server could store. The name is not shown: it may be a value that was misplaced.
func (m *manifest) checkName(metadata map[string]any) {
	hint := "use a-z, 0-9, - and ., with a letter or digit at both ends"
	switch _, isText := metadata["name"].(string); {
	case isTemplate([]byte(m.obj.Name)):
		hint = hintTemplate
	case metadata["name"] == nil && hasText(metadata["generateName"]):
		hint = "write a name in place of generateName, which makes another Secret each time"
	case metadata["name"] != nil && !isText:
		hint = "put it in quotes" // YAML takes off and no for booleans, and 7 for a number
	}
	if len(validation.IsDNS1123Subdomain(m.obj.Name)) > 0 {
		m.isNameless = true
		m.reject("metadata.name", "must be a DNS-1123 subdomain", hint)
	}
	if len(validation.IsDNS1123Label(m.obj.Namespace)) > 0 {
		m.isNameless = true
		m.reject("metadata.namespace", "must be a DNS-1123 label", "leave it out for the default")
	}
}

// checkTypes rejects what kubectl or an API server could not decode. Names, labels and values have rules of their own.
func (m *manifest) checkTypes(object, metadata map[string]any) {
	rest, about := maps.Clone(object), maps.Clone(metadata)
	for _, field := range []string{"data", "stringData", "items"} {
		delete(rest, field)
	}
	for _, field := range []string{"name", "namespace", "labels"} {
		delete(about, field)
	}
	if metadata != nil {
		rest["metadata"] = about
	} else if rest["metadata"] != nil {
		m.isHidden = true
	}
	text, _ := json.Marshal(rest)
	// The error's text may quote a value; the field that it names is one that every Secret has.
	if err := kubejson.Unmarshal(text, &secret.Object{}); err != nil {
		field := ""
		if mistyped, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			field = mistyped.Field
		}
		m.reject(field, "must be of the type that Kubernetes gives it", "annotations are strings: put numbers and true in quotes")
	}
}

// readLabels takes true for "true": a Secret whose label lacks its quotes is reported only if the selector finds it.
func (m *manifest) readLabels(value any) {
	set, ok := value.(map[string]any)
	if !ok && value != nil {
		m.isHidden = true
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
		if !ok && set[key] != nil { // null is an empty value, as for kubectl
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
	const reported = 10 // the message ends up in the snapshot and must not be long
	if len(m.problems) >= reported {
		return
	}
	if secret.IsIdentifier(key) {
		field += "." + key
	}
	m.reject(field, rule, hint)
}
