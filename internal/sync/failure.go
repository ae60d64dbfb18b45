package sync

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/alert-history/refresh-sidecar/internal/source"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// Class says whether trying again can help without a person.
type Class string

// Classes of failures.
const (
	ClassTransient Class = "transient"
	ClassPermanent Class = "permanent"
)

// Types of failures beside those of package source, as metrics count them.
const (
	typeWrite    source.ErrorType = "write"
	typeGuard    source.ErrorType = "guard"
	typeInternal source.ErrorType = "internal"
)

// failure is why an attempt, or a publication after changes, failed.
type failure struct {
	kind       source.ErrorType
	class      Class
	denied     bool          // by a 401 or 403
	onlyWrite  bool          // everything was listed; the write of the snapshot failed and is tried again by itself
	retryAfter time.Duration // what the server wants; 0: nothing
	hint       string
	err        error
}

func writeFailure(err error) *failure {
	return &failure{kind: typeWrite, class: ClassTransient, onlyWrite: true, err: err,
		hint: "the last snapshot stays in place and the write is tried again; see the message for the cure"}
}

func guardFailure(found, required int) *failure {
	return &failure{kind: typeGuard, class: ClassTransient,
		err:  fmt.Errorf("found %d targets, --min-targets requires %d: not published", found, required),
		hint: "check --label-selector and --namespace (the API server answers a wrong one with an empty list), or the path of --manifests"}
}

// emptyFailure is that a source finds nothing while a snapshot with targets, which other flags filled, is in place.
func emptyFailure(present targetsfile.Source, other *otherSnapshot) *failure {
	return &failure{kind: typeGuard, class: ClassTransient,
		err: fmt.Errorf("found no target (%s), and the snapshot in place has %d that other flags found (%s): not published",
			source.Describe(present), other.targets, source.Describe(other.source)),
		hint: "correct --label-selector, --namespace or --manifests; the first target that they find is published; if there is to be none, delete the snapshot and restart the sidecar: a new pod begins without one"}
}

// panicFailure names the type of a panic's value only: the value could quote a Secret.
func panicFailure(value any) *failure {
	return &failure{kind: typeInternal, class: ClassTransient, err: fmt.Errorf("recovered from a panic of type %T", value),
		hint: "this is a bug: please report it with the stack from the log"}
}

// listFailure classifies the error of one namespace's LIST.
func listFailure(err error) *failure {
	e, ok := errors.AsType[*source.Error](err)
	if !ok {
		return &failure{kind: source.APIError, class: ClassTransient, err: err}
	}
	f := &failure{kind: e.Type, class: ClassTransient, denied: e.Denied, retryAfter: e.RetryAfter, hint: e.Hint, err: e}
	if e.Permanent {
		f.class = ClassPermanent
	}
	return f
}

// joinFailures makes one failure of those of several namespaces, nil if there are none: transient if one of them is, with the longest Retry-After.
func joinFailures(failed map[string]*failure, order []string) *failure {
	var out *failure
	var texts []string
	for _, namespace := range order {
		f := failed[namespace]
		if f == nil {
			continue
		}
		texts = append(texts, describeNamespace(namespace)+f.err.Error())
		if out == nil {
			first := *f
			out = &first
			continue
		}
		out.denied = out.denied && f.denied
		out.retryAfter = max(out.retryAfter, f.retryAfter)
		out.hint = cmp.Or(out.hint, f.hint)
		if f.class == ClassTransient {
			out.class = ClassTransient
		}
	}
	if out != nil {
		out.err = errors.New(strings.Join(texts, "; "))
	}
	return out
}

func describeNamespace(namespace string) string {
	if namespace == allNamespaces {
		return ""
	}
	return fmt.Sprintf("namespace %s: ", namespace)
}
