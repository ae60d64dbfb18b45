package kube_test

import (
	"bytes"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// TestListDecodesWhatChanged compares the entries of one List with those of the List before: the same one was not decoded again.
func TestListDecodesWhatChanged(t *testing.T) {
	for name, c := range map[string]struct {
		change func(secrets []corev1.Secret) []corev1.Secret // of six
		again  []int                                         // which of the new list are decoded
	}{
		"nothing": {func(s []corev1.Secret) []corev1.Secret { return s }, nil},
		"a Secret is edited": {func(s []corev1.Secret) []corev1.Secret {
			s[2].ResourceVersion = "2000"
			s[2].Data["config"] = bytes.Replace(s[2].Data["config"], []byte("hooks."), []byte("new."), 1)
			return s
		}, []int{2}},
		"a Secret has the same version and other content": {func(s []corev1.Secret) []corev1.Secret {
			s[2].Data["config"] = bytes.Replace(s[2].Data["config"], []byte("hooks."), []byte("new."), 1)
			return s
		}, []int{2}},
		"a Secret is deleted":             {func(s []corev1.Secret) []corev1.Secret { return slices.Delete(s, 2, 4) }, nil},
		"a Secret is new":                 {func(s []corev1.Secret) []corev1.Secret { return append(s, targetSecrets(7)[6]) }, []int{6}},
		"a Secret is new before all":      {func(s []corev1.Secret) []corev1.Secret { return slices.Insert(s, 0, named("a")) }, []int{0}},
		"a Secret is new between":         {func(s []corev1.Secret) []corev1.Secret { return slices.Insert(s, 3, named("target-00002a")) }, []int{3}},
		"a Secret was created again":      {func(s []corev1.Secret) []corev1.Secret { s[4].UID = types.UID("another"); return s }, []int{4}},
		"the order is another":            {func(s []corev1.Secret) []corev1.Secret { slices.Reverse(s); return s }, []int{1, 2, 3, 4, 5}},
		"a Secret without a version":      {func(s []corev1.Secret) []corev1.Secret { s[1].ResourceVersion = ""; return s }, []int{1}},
		"a Secret of another namespace":   {func(s []corev1.Secret) []corev1.Secret { s[5].Namespace = "zoo"; return s }, []int{5}},
		"the first and the last are gone": {func(s []corev1.Secret) []corev1.Secret { return s[1:5] }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			api := newAPI(t, targetSecrets(6)...)
			k := api.source(t)
			before, err := k.List(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			api.secrets = c.change(api.secrets)
			api.cache.Clear()
			after, err := k.List(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			wantEach(t, after, api.secrets)
			var again []int
			for i, s := range after.Secrets {
				known := false
				for _, old := range before.Secrets {
					known = known || old.Entry == s.Entry
				}
				if !known {
					again = append(again, i)
				}
				if !bytes.Contains(api.secrets[i].Data["config"], []byte(s.Entry.URL)) {
					t.Errorf("Secret %d has the URL %s of another content", i, s.Entry.URL)
				}
			}
			if !slices.Equal(again, c.again) {
				t.Errorf("got %v decoded again, want %v", again, c.again)
			}
		})
	}
}

// named is a Secret of that name with a target.
func named(name string) corev1.Secret {
	s := targetSecrets(1)[0]
	s.Data["config"] = bytes.ReplaceAll(s.Data["config"], []byte(s.Name), []byte(name))
	s.Name, s.UID = name, types.UID(name)
	return s
}
