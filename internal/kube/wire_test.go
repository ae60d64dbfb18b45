package kube_test

import (
	"fmt"
	"maps"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/alert-history/refresh-sidecar/internal/kube"
	"github.com/alert-history/refresh-sidecar/internal/secret"
)

// full is a Secret with all that an API server keeps of one.
func full() corev1.Secret {
	immutable := true
	return corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Name: "slack-prod", GenerateName: "slack-", Namespace: "alert-history", UID: "5f1c", ResourceVersion: "4711", Generation: 3,
			CreationTimestamp: metav1.NewTime(time.Unix(1_700_000_000, 0)), DeletionTimestamp: &metav1.Time{Time: time.Unix(1_800_000_000, 0)},
			Labels:      map[string]string{"publishing-target": "true", "app": "é", "empty": ""},
			Annotations: map[string]string{"kubectl.kubernetes.io/last-applied-configuration": "{}"},
			Finalizers:  []string{"a/b"}, OwnerReferences: []metav1.OwnerReference{{Name: "owner"}},
			ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "kubectl", FieldsV1: metav1.NewFieldsV1(`{"f:data":{}}`)}},
		},
		Data:      map[string][]byte{"config": []byte(`{"name":"a"}`), "empty": {}, "binary": {0, 0xff}},
		Type:      corev1.SecretTypeOpaque,
		Immutable: &immutable,
	}
}

// wantAsClientGo compares what matters of a Secret, read from its bytes, with what client-go reads.
func wantAsClientGo(t *testing.T, text []byte) {
	t.Helper()
	var want corev1.Secret
	wantErr := want.Unmarshal(text)
	got, label, err := kube.ReadSecret(text)
	if err != nil || wantErr != nil || len(want.Data) > secret.MaxKeys {
		return // one is stricter about groups, which no API server sends; the other reads more, and so finds more faults
	}
	for key, value := range want.Data {
		if len(value) == 0 {
			want.Data[key] = nil
		}
	}
	for key, value := range got.Data {
		if len(value) == 0 {
			got.Data[key] = nil
		}
	}
	type public struct {
		Name, Namespace, UID, Version string
		Created                       time.Time
		Data                          map[string][]byte
	}
	of := func(s metav1.ObjectMeta, data map[string][]byte) public {
		return public{s.Name, s.Namespace, string(s.UID), s.ResourceVersion, s.CreationTimestamp.UTC(), data}
	}
	if diff := cmp.Diff(of(want.ObjectMeta, want.Data), of(got.ObjectMeta, got.Data)); diff != "" {
		t.Errorf("read otherwise than by client-go (-client-go +got):\n%s", diff)
	}
	for key, value := range want.Labels {
		if found, ok := label(key); !ok || found != value {
			t.Errorf("label %q: got %q, %t; want %q", key, found, ok, value)
		}
	}
	if _, ok := label("no such label"); ok && !maps.Equal(want.Labels, map[string]string{"no such label": ""}) {
		if _, has := want.Labels["no such label"]; !has {
			t.Error("found a label that is not there")
		}
	}
}

func TestSecretsAreReadAsClientGoReadsThem(t *testing.T) {
	for name, s := range map[string]corev1.Secret{"all fields": full(), "none": {}, "a bookmark": {ObjectMeta: metav1.ObjectMeta{ResourceVersion: "12"}}} {
		t.Run(name, func(t *testing.T) {
			text, err := s.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := kube.ReadSecret(text); err != nil {
				t.Fatal(err)
			}
			wantAsClientGo(t, text)
		})
	}
}

func FuzzReadSecret(f *testing.F) {
	s := full()
	text, err := s.Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte{})
	f.Fuzz(wantAsClientGo)
}

// crowded returns a Secret of as many keys and labels as fit a megabyte.
func crowded(keys, labels int) corev1.Secret {
	s := full()
	for i := range keys {
		s.Data[fmt.Sprintf("%x", i)] = []byte("1")
	}
	for i := range labels {
		s.Labels[fmt.Sprintf("%x", i)] = ""
	}
	return s
}

// TestReadingASecretIsBounded: what a few bytes become in memory is twenty times as much.
func TestReadingASecretIsBounded(t *testing.T) {
	for name, s := range map[string]corev1.Secret{
		"keys": crowded(90_000, 0), "labels": crowded(0, 90_000), "one large value": func() corev1.Secret {
			s := full()
			s.Data["config"] = []byte(strings.Repeat("x", 1<<20))
			return s
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			text, err := s.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			got, label, err := kube.ReadSecret(text)
			if value, ok := label("publishing-target"); !ok || value != "true" {
				t.Error("the label is not found")
			}
			decoded := secret.Decode(got)
			runtime.ReadMemStats(&after)
			if err != nil || decoded.Fault == nil {
				t.Errorf("got %v, %v; want a fault", decoded.Entry, err)
			}
			if took := after.TotalAlloc - before.TotalAlloc; took > 2<<20 {
				t.Errorf("reading %d bytes allocated %d, want at most 2 MiB", len(text), took)
			}
		})
	}
}
