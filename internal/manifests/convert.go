package manifests

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"sigs.k8s.io/yaml"

	"github.com/alert-history/refresh-sidecar/internal/secret"
	"github.com/alert-history/refresh-sidecar/internal/source"
)

// Conversion is the outcome of [Convert].
type Conversion struct {
	Report        // what was read and found; it counts as Secrets those that were converted
	Left   int    // Secrets that have no older shape
	Text   []byte // YAML documents; they hold the values of the Secrets
}

// Convert reads manifests and returns the Secrets of older shapes as Secrets of today's shape, with the labels that the selector asks for. What
// cannot be mapped without a guess, and what would not yield a target, is a [Finding] instead. A finding holds nothing of a Secret but its
// public parts.
func Convert(ctx context.Context, config CheckConfig) (Conversion, error) {
	c, err := newChecker(config)
	if err != nil {
		return Conversion{}, err
	}
	wanted, err := WantedLabels(config.LabelSelector)
	if err != nil {
		return Conversion{}, fmt.Errorf("label selector: %w", err)
	}
	var out Conversion
	c.take = func(m *manifest) {
		if m.madeElsewhere || !isOlder(m, m.isSelected(c.selector)) {
			out.Left++
			return
		}
		before := len(c.out.Findings)
		today := c.today(m, wanted)
		if today == nil {
			return
		}
		if c.secret(today); !slices.ContainsFunc(c.out.Findings[before:], func(f Finding) bool { return f.Severity == Failed }) {
			out.Text = append(out.Text, today.text()...)
			return
		}
		c.out.Secrets--
	}
	if err := c.read(ctx, config); err != nil {
		return Conversion{}, err
	}
	out.Report = c.out
	return out, nil
}

// WantedLabels returns the labels with which a selector selects a Secret.
func WantedLabels(labelSelector string) (labels.Set, error) {
	selector, err := labels.Parse(labelSelector)
	if err != nil {
		return nil, err
	}
	set := labels.Set{}
	requirements, _ := selector.Requirements()
	for _, r := range requirements {
		if values := r.ValuesUnsorted(); len(values) == 1 && slices.Contains([]selection.Operator{selection.Equals, selection.DoubleEquals, selection.In}, r.Operator()) {
			set[r.Key()] = values[0]
		}
	}
	if len(set) == 0 || !selector.Matches(set) {
		return nil, fmt.Errorf("%q does not say which labels a Secret needs: give one of the form key=value", selector)
	}
	return set, nil
}

// today returns the Secret in today's shape, or nil if it cannot be mapped.
func (c *checker) today(m *manifest, wanted labels.Set) *manifest {
	problems := slices.Clone(m.problems)
	fields, more := m.fieldsOfToday()
	if problems = append(problems, more...); len(problems) > 0 {
		for _, p := range problems {
			c.add(m.place, Failed, m.shownKey(), p)
		}
		return nil
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(fields); err != nil { // the error's text may quote a value
		c.add(m.place, Failed, m.shownKey(), source.Problem{Rule: "cannot be written as JSON", Hint: "convert this Secret by hand"})
		return nil
	}
	today := *m
	today.labels = maps.Clone(m.labels)
	delete(today.labels, olderLabel)
	maps.Copy(today.labels, wanted)
	today.obj.Data = map[string][]byte{"config": text.Bytes()}
	return &today
}

// text returns the Secret as a YAML document.
func (m *manifest) text() []byte {
	metadata := map[string]any{"name": m.obj.Name, "labels": m.labels}
	if m.hasNamespace {
		metadata["namespace"] = m.obj.Namespace
	}
	object := map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": map[string]string{"config": string(m.obj.Data["config"])}}
	if m.obj.Type != "" && m.obj.Type != secret.TypeOpaque { // kept, because an API server refuses to change the type of a Secret
		object["type"] = m.obj.Type
	}
	text, _ := yaml.Marshal(object)
	return append([]byte("---\n"), text...)
}
