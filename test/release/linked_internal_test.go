package release

import (
	"slices"
	"testing"
)

// What one import of the type of all types would bring is kept out of the program, see docs/decisions/0002-own-scheme.md.
func TestTheProgramHasNoTypeOfAllKinds(t *testing.T) {
	packages, err := linked(t.Context(), "../..", Platforms()[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, unwanted := range []string{"k8s.io/api/core/v1", "k8s.io/client-go/kubernetes"} {
		if slices.ContainsFunc(packages, func(p goPackage) bool { return p.ImportPath == unwanted }) {
			t.Errorf("%s is linked", unwanted)
		}
	}
}
