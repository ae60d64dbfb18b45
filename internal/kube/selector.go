package kube

import (
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/labels"
)

// ValidateSelector checks a label selector. One that selects everything is refused: it would read every Secret there is.
func ValidateSelector(text string) error {
	selector, err := labels.Parse(text)
	switch {
	case err != nil:
		return fmt.Errorf("%q is not a label selector such as publishing-target=true: %w", text, err)
	case selector.Empty():
		return errors.New("must not be empty: it would read every Secret")
	}
	return nil
}
