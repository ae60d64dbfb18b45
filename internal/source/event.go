package source

import "k8s.io/apimachinery/pkg/util/resourceversion"

// Listing is the complete set of labelled Secrets of one namespace at one moment.
type Listing struct {
	Namespace       string // empty: all namespaces, or manifests
	ResourceVersion string // of the moment; changes can be followed from there
	Secrets         []Secret
}

// Kind says what an [Event] means.
type Kind int

// Kinds of events.
const (
	Upsert   Kind = iota // Secret is new or changed
	Delete               // Secret is gone, or no longer selected; only Key, UID and ResourceVersion are set
	Bookmark             // nothing changed up to ResourceVersion
	Relist               // what changed is only to be learnt by a new List
	Opened               // the watch is open: changes after ResourceVersion follow
)

// String names the kind, as metrics count it.
func (k Kind) String() string {
	return [...]string{"upsert", "delete", "bookmark", "relist", "opened"}[k]
}

// Event is one change after a [Listing].
type Event struct {
	Namespace string
	// ResourceVersion is the version after the event. Of a Relist it may be empty; if it is not, only a List that returns it (or
	// begins later) satisfies the request.
	ResourceVersion string
	Kind            Kind
	Secret          Secret
}

// Newer reports whether resourceVersion a is later than b. A version that is not well formed is not later than any, and none is later
// than it: an API server has none such.
func Newer(a, b string) bool {
	order, err := resourceversion.CompareResourceVersion(a, b)
	return err == nil && order > 0
}
