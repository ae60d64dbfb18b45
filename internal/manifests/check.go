package manifests

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/alert-history/refresh-sidecar/internal/source"
)

// CheckConfig says which manifests to check. They are taken for what one sidecar reads together.
type CheckConfig struct {
	Paths            []string  // files and directories, as [Config] has them; "-" reads Stdin
	Stdin            io.Reader // nil: nothing
	LabelSelector    string    // which Secrets count; empty: all
	DefaultNamespace string    // the namespace of Secrets that name none; empty: "default"
}

// Check checks manifests before they reach a cluster. Unlike [Source.List] it does not stop at the first file or document that is broken,
// and it does not wait until writers are done: of a file that is being written it may find half.
//
// The error is about the configuration, or it is ctx's; whatever is wrong with the manifests is a [Finding].
func Check(ctx context.Context, config CheckConfig) (Report, error) {
	c, err := newChecker(config)
	if err != nil {
		return Report{}, err
	}
	c.take, c.takeOther = c.secret, c.other
	if err := c.read(ctx, config); err != nil {
		return Report{}, err
	}
	c.settleElsewhere()
	if c.out.Secrets == 0 && len(c.out.Findings) == 0 { // otherwise the findings say why there is no Secret
		c.add(place{}, Warned, "", source.Problem{Rule: "there is no Secret in these files", Hint: "is it the right path?"})
	}
	return c.out, nil
}

func newChecker(config CheckConfig) (*checker, error) {
	selector, err := labels.Parse(config.LabelSelector)
	if err != nil {
		return nil, fmt.Errorf("label selector: %w", err)
	}
	return &checker{
		selector: selector, defaultNamespace: cmp.Or(config.DefaultNamespace, "default"),
		out:  Report{Findings: []Finding{}}, // so that JSON has an empty list, not null
		seen: make(map[inode]bool), secrets: make(map[string]*manifest), names: make(map[string]*manifest),
	}, nil
}

// checker is one pass over the manifests.
type checker struct {
	selector         labels.Selector
	defaultNamespace string
	take             func(*manifest)             // what becomes of a Secret
	takeOther        func(place, map[string]any) // what becomes of an object that is not a Secret; nil: nothing
	seen             map[inode]bool              // files that were read: one may be given twice, or by name and in its directory
	secrets          map[string]*manifest        // Secrets by namespace/name
	names            map[string]*manifest        // Secrets by the name of their target
	elsewhere        []int                       // indexes of the findings about what becomes a Secret elsewhere
	out              Report
}

func (c *checker) add(at place, severity Severity, secret string, p source.Problem) {
	c.out.add(Finding{Severity: severity, File: at.file, Document: at.document, Item: at.item, Line: at.line, Secret: secret, Problem: p})
}

// fail adds an error of the reading functions. The finding is about path, unless the error names a place.
func (c *checker) fail(path string, err error) {
	at, rule := place{file: path}, strings.TrimPrefix(err.Error(), "reading manifests: ")
	if placed, ok := errors.AsType[*placeError](err); ok {
		at, rule = placed.place, placed.rule
	} else if named, ok := errors.AsType[*fs.PathError](err); ok {
		at.file, rule = named.Path, named.Err.Error()
	}
	hint := ""
	if failure, ok := errors.AsType[*source.Error](err); ok {
		hint = failure.Hint
	}
	if hint == hintParse { // Check reads a file only once
		hint = "correct it; what is in this document was not checked"
	}
	c.add(at, Failed, "", source.Problem{Rule: rule, Hint: hint})
}

// read takes all Secrets of the files.
func (c *checker) read(ctx context.Context, config CheckConfig) error {
	for _, path := range config.Paths {
		if path == "-" {
			c.stdin(config.Stdin)
			continue
		}
		c.path(ctx, filepath.Clean(path))
	}
	return ctx.Err()
}

func (c *checker) path(ctx context.Context, path string) {
	if st, err := stat(path); err == nil && st.Mode&unix.S_IFMT != unix.S_IFDIR && isKustomization(path) { // a shell's *.yaml names it, too
		c.add(place{file: path}, Skipped, "", source.Problem{Rule: "is a kustomization, not a manifest", Hint: hintKustomization})
		return
	}
	t := findFiles(ctx, path)
	for _, fault := range t.faults {
		c.fail(path, fault)
	}
	if t.size > maxTreeBytes {
		return
	}
	for _, file := range t.files {
		st, err := stat(file)
		if err == nil && c.seen[identity(st)] {
			continue
		}
		c.seen[identity(st)] = true
		text, err := readFile(file, maxTreeBytes)
		if err != nil {
			c.fail(file, err)
			continue
		}
		c.file(file, text)
	}
}

func (c *checker) stdin(in io.Reader) {
	if in == nil {
		in = strings.NewReader("")
	}
	text, err := io.ReadAll(io.LimitReader(in, maxTreeBytes+1))
	switch {
	case err != nil:
		c.fail("-", err)
	case len(text) > maxTreeBytes:
		c.fail("-", treeError("", "more than %d MiB", maxTreeBytes>>20))
	default:
		c.file("-", text)
	}
}

func (c *checker) file(path string, text []byte) {
	c.out.Files++
	for _, d := range parseFile(path, text) {
		for m, err := range d.secrets(c.defaultNamespace) {
			if err != nil {
				c.fail(path, err)
				continue
			}
			c.take(m)
		}
		if c.takeOther == nil {
			continue
		}
		for at, object := range d.others() {
			c.takeOther(at, object)
		}
	}
}

// other warns of an object that carries the label of a target without being a Secret: nobody reads a mistyped kind, and nobody says so.
// It also warns of a list in a list, which the sidecar reads and kubectl does not.
func (c *checker) other(at place, object map[string]any) {
	if _, isList := object["items"].([]any); isList {
		c.add(at, Warned, "", source.Problem{Rule: "is a list in a list: kubectl refuses both", Hint: "write its items into the outer list"})
		return
	}
	metadata, _ := object["metadata"].(map[string]any)
	texts, _ := metadata["labels"].(map[string]any)
	set := labels.Set{}
	for key, value := range texts {
		set[key], _ = value.(string)
	}
	if !c.selector.Empty() && c.selector.Matches(set) {
		c.add(at, Warned, "", source.Problem{Field: "kind", Rule: "carries the label of a target, but is not a Secret of apiVersion v1: it is not read",
			Hint: "write kind: Secret and apiVersion: v1, or remove the label"})
	}
}

// Severity says how much a [Finding] weighs.
type Severity string

// Severities.
const (
	Failed  Severity = "fault"   // the sidecar would refuse the file, or reject the Secret
	Warned  Severity = "warning" // the manifest works, but was hardly meant so
	Skipped Severity = "skipped" // a Secret that the selector does not select
)

// Finding is one thing found in a manifest. Like a [source.Fault], it holds nothing of a Secret but its public parts. Its
// JSON is what refresh-sidecar validate prints.
type Finding struct {
	Severity       Severity `json:"severity"`
	File           string   `json:"file,omitempty"`     // empty: all files together
	Document       int      `json:"document,omitempty"` // from 1; 0: the file as a whole
	Item           int      `json:"item,omitempty"`     // the place in a List, from 1; 0: outside of a List
	Line           int      `json:"line,omitempty"`     // the line of the file where the document begins or breaks; 0: not known
	Secret         string   `json:"secret,omitempty"`   // namespace/name; empty: the file or document as a whole
	source.Problem          // in JSON, too, its fields stand beside the others
}

// Report is the outcome of [Check]. Its JSON is what refresh-sidecar validate prints.
type Report struct {
	Files    int       `json:"files"`   // files that were read
	Secrets  int       `json:"secrets"` // Secrets that the selector selects
	Faults   int       `json:"faults"`
	Warnings int       `json:"warnings"`
	Skipped  int       `json:"skipped"`
	Findings []Finding `json:"findings"` // in the order of paths, files and documents
}

// add appends a finding and counts it.
func (r *Report) add(f Finding) {
	r.Findings = append(r.Findings, f)
	switch f.Severity {
	case Failed:
		r.Faults++
	case Warned:
		r.Warnings++
	case Skipped:
		r.Skipped++
	}
}
