package source

import "k8s.io/apimachinery/pkg/util/resourceversion"

// Listing is the complete set of labelled Secrets of one namespace at one moment.
type Listing struct {
	Namespace       string // empty: all namespaces, or manifests
	ResourceVersion string // the version at that moment; changes can be followed from it
	Secrets         []Secret
}

// Kind says what an [Event] means.
type Kind int

// Kinds of events.
const (
	Upsert   Kind = iota // Secret is new or changed
	Delete               // Secret is gone, or no longer selected; only Key, UID and ResourceVersion are set
	Bookmark             // nothing changed up to ResourceVersion
	Relist               // something changed, and only a new List tells what
	Opened               // the watch is open: changes after ResourceVersion follow
)

// String names the kind, as metrics count it.
func (k Kind) String() string {
	return [...]string{"upsert", "delete", "bookmark", "relist", "opened"}[k]
}

// Event is one change after a [Listing].
type Event struct {
	Namespace string
	// ResourceVersion is the version after the event. A Relist may have none; where it has one, only a List that returns this version
	// or began after the event answers the Relist.
	ResourceVersion string
	Kind            Kind
	Secret          Secret
}

// Newer reports whether resourceVersion a is later than b. It is false if either of the two is malformed: no API server issues such a
// version.
func Newer(a, b string) bool {
	order, err := resourceversion.CompareResourceVersion(a, b)
	return err == nil && order > 0
}
