// Package manifests_test holds the reading of manifests against kubectl's own code: for any file, the Secrets that the sidecar finds are
// those that kubectl finds, or there is a fault that is told.
package manifests_test

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	kubejson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/cli-runtime/pkg/resource"

	"github.com/alert-history/refresh-sidecar/internal/manifests"
	decoder "github.com/alert-history/refresh-sidecar/internal/secret"
	"github.com/alert-history/refresh-sidecar/internal/source"
)

const (
	label   = "publishing-target=true"
	refused = "refused" // by an API server: a reason that no Secret of the sidecar has
)

// found is what one side finds in a file.
type found struct {
	secrets   map[string]source.Secret // by namespace/name, or by place
	told      string                   // what is said about the file as a whole, such as why it cannot be read
	byKubectl bool                     // the side is kubectl and an API server
}

// kubectl reads a file as kubectl apply -f does, and decodes the Secrets that it would send as an API server stores them. Lists in lists
// are opened here: kubectl decodes them, but its visitor of lists refuses what is not a typed list.
func kubectl(path string) found {
	out := found{secrets: map[string]source.Secret{}, byKubectl: true}
	infos, err := resource.NewLocalBuilder().Unstructured().ContinueOnError().Path(false, path).Do().Infos()
	if err != nil {
		out.told = err.Error()
	}
	for _, info := range infos {
		out.add(info.Object)
	}
	return out
}

func (f *found) add(object runtime.Object) {
	if list, ok := object.(runtime.Unstructured); ok && list.IsList() {
		_ = list.EachListItem(func(item runtime.Object) error {
			f.add(item)
			return nil
		})
		return
	}
	secret, ok := object.(*unstructured.Unstructured)
	if !ok || secret.GetAPIVersion() != "v1" || secret.GetKind() != "Secret" {
		return
	}
	obj, err := stored(secret)
	if err != nil { // the API server refuses it
		key := cmp.Or(secret.GetNamespace(), "default") + "/" + secret.GetName()
		f.secrets[key] = source.Secret{Key: key, Fault: &source.Fault{Reason: refused, Problems: []source.Problem{{Rule: err.Error()}}}}
		return
	}
	if obj.Labels["publishing-target"] == "true" {
		s := decoder.Decode(&decoder.Object{ObjectMeta: obj.ObjectMeta, Data: obj.Data})
		f.secrets[s.Key] = s
	}
}

// stored returns a Secret as an API server would store it.
func stored(object *unstructured.Unstructured) (*corev1.Secret, error) {
	text, err := object.MarshalJSON()
	if err != nil {
		return nil, err
	}
	obj := &corev1.Secret{}
	if err := kubejson.Unmarshal(text, obj); err != nil {
		return nil, err
	}
	if obj.Namespace == "" {
		obj.Namespace = "default"
	}
	if obj.Data == nil {
		obj.Data = map[string][]byte{}
	}
	for key, value := range obj.StringData {
		obj.Data[key] = []byte(value)
	}
	obj.UID = "" // the API server's own
	return obj, nil
}

// sidecar reads a file as --manifests does, in a bubble whose clock stands in the past: there no file is too new to be read.
func sidecar(t *testing.T, path string) found {
	t.Helper()
	m, err := manifests.New(manifests.Config{Path: path, LabelSelector: label})
	if err != nil {
		t.Fatal(err)
	}
	out := found{secrets: map[string]source.Secret{}}
	synctest.Test(t, func(t *testing.T) {
		listing, err := m.List(t.Context(), "")
		if err != nil {
			out.told = err.Error()
		}
		for _, s := range listing.Secrets {
			out.secrets[s.Key] = s
		}
	})
	return out
}

// write returns the path of a file of that content.
func write(tb testing.TB, name, content string) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

// difference says how the sidecar reads other Secrets than kubectl without telling of a fault; empty if it does not.
func difference(kubectl, sidecar found) string {
	if sidecar.told != "" {
		return ""
	}
	var lost, wrong []string
	unnamed := 0 // faults of Secrets that kubectl finds under another key, or not at all
	for key, got := range sidecar.secrets {
		_, known := kubectl.secrets[key]
		switch {
		case got.Fault != nil && !known:
			unnamed++
		case !known:
			wrong = append(wrong, key+" is none of kubectl's")
		}
	}
	for key, want := range kubectl.secrets {
		got, ok := sidecar.secrets[key]
		switch {
		case !ok && want.Fault != nil && want.Fault.Reason == refused: // perhaps not selected
		case !ok:
			lost = append(lost, key)
		case got.Fault != nil: // told
		case want.Fault != nil:
			wrong = append(wrong, key+" is refused by an API server: "+want.Fault.Message())
		case !got.Entry.Equal(want.Entry):
			wrong = append(wrong, key+" is another target than kubectl's")
		}
	}
	faults := slices.ContainsFunc(slices.Collect(maps.Values(sidecar.secrets)), func(s source.Secret) bool { return s.Fault != nil })
	// An object that cannot be decoded keeps nothing else from being read, and need not be a Secret.
	if kubectl.told != "" && !strings.Contains(kubectl.told, "unable to decode") && !faults {
		wrong = append(wrong, "kubectl refuses the file: "+kubectl.told)
	}
	if len(lost) > unnamed {
		wrong = append(wrong, fmt.Sprintf("lost in silence: %q", lost))
	}
	return strings.Join(wrong, "; ")
}
