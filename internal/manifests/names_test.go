package manifests_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A Secret that no API server could store is told by its place, under a key that no other has, and keeps nothing else from being read.
func TestImpossibleNames(t *testing.T) {
	named := func(metadata string) string {
		return "apiVersion: v1\nkind: Secret\nmetadata: {" + metadata + ", labels: {publishing-target: \"true\"}}\nstringData: {type: webhook, url: 'https://h/canary'}\n"
	}
	const name, namespace = "parse: metadata.name: must be a DNS-1123 subdomain", "parse: metadata.namespace: must be a DNS-1123 label"
	root := files{
		"a.yaml":   named("name: Slack_Prod") + "---\n" + manifest("ok") + "---\n" + named("generateName: slack-"),
		"b/a.yaml": named("name: canary canary"),
		"b/c.yaml": "apiVersion: v1\nkind: SecretList\nitems:\n- {metadata: {name: A, labels: {publishing-target: \"true\"}}}\n- {metadata: {name: A, labels: {publishing-target: \"true\"}}}\n" +
			"---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: Secret, metadata: {name: A, labels: {publishing-target: \"true\"}}}]}\n" +
			"- {apiVersion: v1, kind: Secret, metadata: {name: A, labels: {publishing-target: \"true\"}}}\n",
		"d.yaml": named("name: d, namespace: 7") + "---\n" + named("name: e, namespace: a.b"),
		"e.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: Unlabelled_canary}\n",
	}.write(t)
	want := []string{
		"default/a.yaml document 1 " + name, "default/a.yaml document 3 " + name, "default/b%2Fa.yaml document 1 " + name,
		"default/b%2Fc.yaml document 1 item 1 " + name, "default/b%2Fc.yaml document 1 item 2 " + name,
		"default/b%2Fc.yaml document 2 item 2 " + name, "default/b%2Fc.yaml document 2 item 3 " + name,
		"default/d.yaml document 1 " + namespace, "default/d.yaml document 2 " + namespace, "default/ok https://h/ok",
	}
	if diff := cmp.Diff(want, summary(mustList(t, root))); diff != "" {
		t.Errorf("secrets (-want +got):\n%s", diff)
	}
	for _, s := range mustList(t, root).Secrets {
		if strings.Count(s.Key, "/") != 1 {
			t.Errorf("got key %q, want namespace/name as the schema of snapshots has it", s.Key)
		}
	}
	if diff := cmp.Diff(want[2:3], summary(mustList(t, filepath.Join(root, "b", "a.yaml")))); diff == "" {
		t.Error("got the directory above the path in the key, want the path left out")
	}
	lines, _ := validate(t, root, "a.yaml", "e.yaml")
	wantLines := []string{"fault a.yaml 1.0 : metadata.name: must be a DNS-1123 subdomain", "fault a.yaml 3.0 : metadata.name: must be a DNS-1123 subdomain",
		"skipped e.yaml 1.0 : not selected by publishing-target=true"}
	if diff := cmp.Diff(wantLines, lines); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}

// Documents that become Secrets elsewhere. One that carries the label stands for a target that is missed, unless the Secret is there, too.
func TestSecretsMadeElsewhere(t *testing.T) {
	const (
		sealed   = "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: sealed}\nspec: {encryptedData: {config: canary}, template: {metadata: {labels: {publishing-target: \"true\"}}}}\n"
		external = "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: external, labels: {publishing-target: \"true\"}}\nspec: {target: {}}\n"
		partly   = "apiVersion: v1\nkind: Secret\nmetadata: {name: partly, labels: {publishing-target: \"true\"}}\ndata: {config: 'ENC[canary]'}\nsops: {version: 3.9.0}\n"
		whole    = "apiVersion: ENC[canary]\nkind: ENC[canary]\nmetadata: {name: 'ENC[canary]'}\nsops: {version: 3.9.0}\n"
		other    = "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: other}\n"
	)
	root := files{"a.yaml": strings.Join([]string{sealed, external, partly, whole, other}, "---\n")}.write(t)
	want := []string{
		"default/a.yaml document 4 parse: is encrypted with SOPS: decrypt it first", "default/external parse: is an ExternalSecret, whose Secret is made in a cluster: read it there",
		"default/partly parse: is encrypted with SOPS: decrypt it first", "default/sealed parse: is a SealedSecret, which becomes a Secret only in a cluster: read it there",
	}
	if diff := cmp.Diff(want, summary(mustList(t, root))); diff != "" {
		t.Errorf("secrets (-want +got):\n%s", diff)
	}
	lines, found := validate(t, root, "a.yaml")
	wantLines := []string{
		"fault a.yaml 1.0 default/sealed: is a SealedSecret, which becomes a Secret only in a cluster: read it there", "fault a.yaml 2.0 default/external: is an ExternalSecret, whose Secret is made in a cluster: read it there",
		"fault a.yaml 3.0 default/partly: is encrypted with SOPS: decrypt it first", "fault a.yaml 4.0 : is encrypted with SOPS: decrypt it first", "skipped a.yaml 5.0 : not selected by publishing-target=true",
	}
	if diff := cmp.Diff(wantLines, lines); diff != "" || found.Secrets != 2 {
		t.Errorf("%d Secrets, findings (-want +got):\n%s", found.Secrets, diff)
	}

	write(t, filepath.Join(root, "b.yaml"), manifest("sealed"))
	if got := summary(mustList(t, root)); !strings.HasSuffix(got[3], "sealed https://h/sealed") {
		t.Errorf("got %q, want the Secret where it is beside the SealedSecret made from it", got[3])
	}
	wantLines[0] = "warning" + strings.TrimPrefix(wantLines[0], "fault")
	if lines, found := validate(t, root, "a.yaml", "b.yaml"); found.Warnings != 1 || cmp.Diff(wantLines, lines) != "" {
		t.Errorf("beside the Secret: got %d warnings, findings (-want +got):\n%s", found.Warnings, cmp.Diff(wantLines, lines))
	}
}

func TestHelmTemplatesAreNamed(t *testing.T) {
	for name, text := range map[string]string{
		"a block":      "{{- if .Values.canary }}\n" + manifest("a") + "{{- end }}\n",
		"a value":      strings.Replace(manifest("a"), "https://h/a", "{{ .Values.canary }}", 1),
		"JSON":         `{"apiVersion": "v1", "kind": {{ .Values.canary }}}`,
		"a whole name": strings.Replace(manifest("a"), "name: a", "name: '{{ .Release.canary }}'", 1),
	} {
		t.Run(name, func(t *testing.T) {
			root := files{"a.yaml": text}.write(t)
			_, found := validate(t, root, "a.yaml")
			if len(found.Findings) == 0 || found.Findings[0].Severity != "fault" || !strings.Contains(found.Findings[0].Hint, "helm template") {
				t.Errorf("got %+v, want a fault with the command that renders it", found.Findings)
			}
		})
	}
}

// What an API server or kubectl could not decode is a fault of that Secret, not left out of it.
func TestTypesOfFields(t *testing.T) {
	head := "apiVersion: v1\nkind: Secret\nstringData: {type: webhook, url: 'https://h'}\n"
	labelled := "metadata:\n  name: a\n  labels: {publishing-target: \"true\"}\n"
	for name, tt := range map[string]struct{ text, want string }{
		"an annotation without quotes": {head + labelled + "  annotations: {canary: 7}", "default/a parse: metadata.annotations: must be of the type that Kubernetes gives it"},
		"a time that is none":          {head + labelled + "  creationTimestamp: canary", "default/a parse: must be of the type that Kubernetes gives it"},
		"a type that is a number":      {head + labelled + "type: 7", "default/a parse: type: must be of the type that Kubernetes gives it"},
		"items":                        {head + labelled + "items: []", "default/a parse: items: a Secret has no items"},
		"labels that are a word":       {head + "metadata: {name: a, labels: canary}", "default/a parse: metadata.labels: must be an object of strings"},
		"metadata that is a word":      {head + "metadata: canary", "default/a.yaml document 1 parse: metadata.name: must be a DNS-1123 subdomain; metadata: must be of the type that Kubernetes gives it"},
		"what a cluster adds": {head + labelled + "  uid: x\n  creationTimestamp: null\n  managedFields: [{manager: m, fieldsV1: {'f:data': {}}}]\n  annotations: {a: b}\ntype: Opaque\nimmutable: true",
			"default/a https://h"},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff([]string{tt.want}, summary(mustList(t, files{"a.yaml": tt.text}.write(t)))); diff != "" {
				t.Errorf("secrets (-want +got):\n%s", diff)
			}
		})
	}
}
