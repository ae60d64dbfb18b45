package secret_test

import (
	"reflect"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/alert-history/refresh-sidecar/internal/secret"
)

// An Object has the fields of the type that it stands for, under the same names.
func TestAnObjectIsASecret(t *testing.T) {
	ours, theirs := reflect.TypeFor[secret.Object](), reflect.TypeFor[corev1.Secret]()
	if ours.NumField() != theirs.NumField() {
		t.Errorf("got %d fields, want %d", ours.NumField(), theirs.NumField())
	}
	for want := range theirs.Fields() {
		got, ok := ours.FieldByName(want.Name)
		if !ok || got.Type.Kind() != want.Type.Kind() || got.Anonymous != want.Anonymous || got.Tag.Get("json") != want.Tag.Get("json") {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	if secret.TypeOpaque != corev1.SecretTypeOpaque {
		t.Errorf("got %q for the type of a Secret that names none, want %q", secret.TypeOpaque, corev1.SecretTypeOpaque)
	}
}
