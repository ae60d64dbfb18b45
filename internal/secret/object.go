package secret

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Object is a Secret as the Kubernetes API has it. The package of its own type, k8s.io/api/core/v1, brings all others: 3.8 MB of
// a program of 24.
type Object struct {
	metav1.TypeMeta   `json:""`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Immutable  *bool             `json:"immutable,omitempty"`
	Data       map[string][]byte `json:"data,omitempty"`
	StringData map[string]string `json:"stringData,omitempty"` // of manifests alone
	Type       string            `json:"type,omitempty"`
}

const (
	// TypeOpaque is the type of an Object that names none.
	TypeOpaque = "Opaque"
	// maxSize is how many bytes of values an API server stores, core/v1's MaxSecretSize.
	maxSize = 1 << 20
)
