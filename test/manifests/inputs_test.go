package manifests_test

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

// block returns a Secret as people write it.
func block(name string) string {
	return "apiVersion: v1\nkind: Secret\nmetadata:\n  name: " + name + "\n  labels:\n    publishing-target: \"true\"\nstringData:\n  type: slack\n  url: https://h/" + name + "\n"
}

// line returns a Secret as jq -c writes it.
func line(name string) string {
	return fmt.Sprintf(`{"apiVersion":"v1","kind":"Secret","metadata":{"name":%q,"labels":{"publishing-target":"true"}},"stringData":{"type":"slack","url":"https://h/%[1]s"}}`+"\n", name)
}

func dos(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }

// utf16le returns a text as PowerShell writes it, without the byte order mark.
func utf16le(text string) string {
	var out strings.Builder
	for _, unit := range utf16.Encode([]rune(text)) {
		out.Write([]byte{byte(unit), byte(unit >> 8)})
	}
	return out.String()
}

func utf16be(text string) string {
	swapped := []byte(utf16le(text))
	for i := 0; i < len(swapped); i += 2 {
		swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
	}
	return string(swapped)
}

// replace edits the Secret a.
func replace(old, new string) string { return strings.Replace(block("a"), old, new, 1) }

// config is a target in base64.
var config = base64.StdEncoding.EncodeToString([]byte(`{"name":"a","type":"slack","url":"https://h/config/of/a"}`))

// inputs are files as tools and people of this field leave them, after public reports, in our own wording.
var inputs = []struct {
	name, text string
	kubectl    string // the Secrets that it finds, "refused": the file or the object
	sidecar    string // the Secrets that it finds and those with a fault, or the fault of the file without its place
}{
	// Encodings.
	{"kubectl get -o json > file, in PowerShell 5", "\xff\xfe" + utf16le(dos(`{"apiVersion":"v1","kind":"List","items":[`+line("a")+","+line("b")+"]}")),
		"default/a https://h/a, default/b https://h/b", "default/a https://h/a, default/b https://h/b"},
	{"Out-File -Encoding BigEndianUnicode", "\xfe\xff" + utf16be(block("a")),
		"default/a https://h/a", "default/a https://h/a"},
	{"UTF-16 without a byte order mark", utf16le(block("a")),
		"refused", "line 1: holds NUL bytes: UTF-16 without a byte order mark, or no text at all"},
	{"a PowerShell append to a UTF-8 file", block("a") + utf16le("---\r\n"+dos(block("b"))),
		"refused", "line 10: holds NUL bytes: UTF-16 without a byte order mark, or no text at all"},
	{"UTF-16 that was cut in the middle of a unit", "\xff\xfe" + utf16le(block("a")) + "\x00",
		"refused", ": not UTF-16, though it begins with the byte order mark of it"},
	{"Notepad: byte order mark and CRLF", "\ufeff" + dos(block("a")+"---\n"+block("b")),
		"default/a https://h/a, default/b https://h/b", "default/a https://h/a, default/b https://h/b"},
	{"copy /b of two files with byte order marks", "\ufeff" + block("a") + "\ufeff---\n" + block("b"),
		"refused", "line 11 document 1: not YAML: could not find expected ':'"},
	{"Latin-1 in a comment", "# f\xfcr den Dienst\n" + block("a"),
		"default/a https://h/a", "default/a https://h/a"},
	{"Latin-1 in a value", block("a") + "  note: caf\xe9\n",
		"default/a https://h/a", "line 10 document 1: not UTF-8 text"},
	{"the end of file mark of DOS", block("a") + "\x1a",
		"refused", "line 10 document 1: not YAML: control characters are not allowed"},
	{"a form feed between documents", block("a") + "---\n\f\n" + block("b"),
		"default/a https://h/a, refused", "line 11 document 2: not YAML: control characters are not allowed"},
	{"a NUL byte", replace("slack", "sla\x00ck"),
		"refused", "line 8: holds NUL bytes: UTF-16 without a byte order mark, or no text at all"},
	{"line ends of an old Mac", strings.ReplaceAll(block("a")+"---\n"+block("b"), "\n", "\r"),
		"default/a https://h/a", "line 1 document 1: text remains after the document, which kubectl would not read"},

	// Round trips and generators.
	{"kubectl get secret -o yaml", "apiVersion: v1\ndata:\n  config: " + config + "\nkind: Secret\nmetadata:\n  annotations:\n    kubectl.kubernetes.io/last-applied-configuration: |\n      {\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":\"a\"}}\n" +
		"  creationTimestamp: \"2026-01-02T10:30:45Z\"\n  labels:\n    publishing-target: \"true\"\n  managedFields:\n  - apiVersion: v1\n    fieldsType: FieldsV1\n    fieldsV1:\n      f:data:\n        .: {}\n        f:config: {}\n    manager: kubectl\n    operation: Update\n    time: \"2026-01-02T10:30:45Z\"\n" +
		"  name: a\n  namespace: prod\n  resourceVersion: \"42\"\n  uid: 5f1c0c6e-5f0a-4f6e-9d36-6b6f6a0f0f11\ntype: Opaque\n",
		"prod/a https://h/config/of/a", "prod/a https://h/config/of/a"},
	{"kubectl get secrets -o yaml", "apiVersion: v1\nitems:\n- " + strings.ReplaceAll(strings.TrimSpace(block("a")), "\n", "\n  ") + "\nkind: List\nmetadata:\n  resourceVersion: \"\"\n",
		"default/a https://h/a", "default/a https://h/a"},
	{"kubectl create --dry-run=client -o yaml, twice into one file", strings.Repeat(replace("  name: a", "  creationTimestamp: null\n  name: a"), 1) + block("b"),
		"default/b https://h/b", "line 11 document 1: must not hold the same key twice in one mapping"},
	{"kubectl get -o kyaml", "---\n{\n  apiVersion: \"v1\",\n  kind: \"Secret\",\n  metadata: {\n    name: \"a\",\n    labels: {\n      publishing-target: \"true\",\n    },\n  },\n  stringData: {\n    type: \"slack\",\n    url: \"https://h/a\",\n  },\n}\n",
		"default/a https://h/a", "default/a https://h/a"},
	{"jq -c .items[] into a YAML file", line("a") + line("b") + line("c"),
		"default/a https://h/a, default/b https://h/b, default/c https://h/c", "default/a https://h/a, default/b https://h/b, default/c https://h/c"},
	{"the same below a comment", "# made by jq\n" + line("a") + line("b"),
		"default/a https://h/a", "line 2 document 1: text remains after the document, which kubectl would not read"},
	{"the same below a marker", "---\n" + line("a") + line("b"),
		"default/a https://h/a", "line 2 document 1: text remains after the document, which kubectl would not read"},
	{"JSON, then YAML below a marker", line("a") + "---\n" + block("b"),
		"default/a https://h/a, default/b https://h/b", "default/a https://h/a, default/b https://h/b"},
	{"two JSON objects, then YAML", line("a") + line("b") + "---\n" + block("c"),
		"default/a https://h/a, default/b https://h/b, refused", "line 3 document 3: not JSON"},
	{"jq --seq", "\x1e" + line("a") + "\x1e" + line("b"),
		"refused", "line 1 document 1: not YAML: control characters are not allowed"},
	{"a JSON array", "[" + strings.TrimSpace(line("a")) + "]",
		"refused", "line 1 document 1: not an object"},
	{"JSON with a trailing comma", strings.Replace(line("a"), "}}", "},}", 1),
		"default/a https://h/a", "default/a https://h/a"},
	{"JSON with a comment of JavaScript", "// by hand\n" + line("a"),
		"refused", "line 1 document 1: not an object"},
	{"jsonnet -y", "---\n" + line("a") + "---\n" + line("b") + "...\n",
		"default/a https://h/a, default/b https://h/b", "default/a https://h/a, default/b https://h/b"},
	{"helm template", "---\n# Source: chart/templates/none.yaml\n---\n# Source: chart/templates/a.yaml\n" + block("a") + "---\n\n---\n# Source: chart/templates/b.yaml\n" + block("b") + "---\n",
		"default/a https://h/a, default/b https://h/b", "default/a https://h/a, default/b https://h/b"},
	{"a template of a chart", "{{- if .Values.slack.enabled }}\n" + block("a") + "{{- end }}\n",
		"refused", "line 1 document 1: not JSON: it looks like a Helm template"},
	{"PyYAML with explicit_end", "---\n" + block("a") + "...\n---\n" + block("b") + "...\n",
		"default/a https://h/a, default/b https://h/b", "default/a https://h/a, default/b https://h/b"},
	{"a document behind the end of another", block("a") + "...\n" + block("b"),
		"default/a https://h/a", "line 1 document 1: text remains after the document, which kubectl would not read"},
	{"PyYAML with aliases", replace("name: a\n", "name: &id001 a\n") + "  note: *id001\n",
		"default/a https://h/a", "default/a https://h/a"},
	{"a heredoc of terraform, indented", "  " + strings.ReplaceAll(strings.TrimSpace(block("a")), "\n", "\n  ") + "\n",
		"default/a https://h/a", "default/a https://h/a"},
	{"the same with an indented marker", "  " + strings.ReplaceAll(strings.TrimSpace(block("a")+"---\n"+block("b")), "\n", "\n  ") + "\n",
		"refused", "line 11 document 1: not YAML: could not find expected ':'"},
	{"a variable that Flux did not fill in", block("${NAME}") + "---\n" + block("b"),
		"default/${NAME} rejected, default/b https://h/b", "default/a.yaml document 1: metadata.name: must be a DNS-1123 subdomain, default/b https://h/b"},
	{"kustomize build with a hash", block("slack-8k4tfb5kmh"),
		"default/slack-8k4tfb5kmh https://h/slack-8k4tfb5kmh", "default/slack-8k4tfb5kmh https://h/slack-8k4tfb5kmh"},
	{"a directive of YAML 1.2", "%YAML 1.2\n---\n" + block("a"),
		"refused", "line 1 document 1: not YAML: found incompatible YAML document"},

	// What YAML makes of it.
	{"a boolean of YAML 1.1", block("a") + "  enabled: yes\n",
		"default/a refused", "default/a: stringData.enabled: must be a string"},
	{"a label without quotes", replace(`"true"`, "true"),
		"refused", "default/a: metadata.labels.publishing-target: must be a string"},
	{"an octal number", block("a") + "  mode: 0644\n",
		"default/a refused", "default/a: stringData.mode: must be a string"},
	{"a date", block("a") + "  since: 2026-01-02\n",
		"default/a https://h/a", "default/a https://h/a"},
	{"base64 over lines", strings.Replace(block("a"), "stringData:\n  type: slack\n  url: https://h/a\n", "data:\n  config: |\n    "+config[:40]+"\n    "+config[40:]+"\n", 1),
		"default/a https://h/config/of/a", "default/a https://h/config/of/a"},
	{"base64 folded to lines", strings.Replace(block("a"), "stringData:\n  type: slack\n  url: https://h/a\n", "data:\n  config: >\n    "+config[:40]+"\n    "+config[40:]+"\n", 1),
		"default/a refused", "default/a: data.config: must be base64"},
	{"base64 tagged as binary", strings.Replace(block("a"), "stringData:\n  type: slack\n  url: https://h/a\n", "data:\n  config: !!binary "+config+"\n", 1),
		"default/a refused", "default/a: data.config: must be base64"},
	{"bytes tagged as binary", block("a") + "  note: !!binary /w==\n",
		"default/a https://h/a", "line 1 document 1: must not hold a !!binary value that is not UTF-8 text"},
	{"an anchor of another document", replace("name: a\n", "name: &n a\n") + "---\n" + replace("name: a\n", "name: *n\n"),
		"default/a https://h/a, refused", "line 11 document 2: not YAML: an alias has no anchor in its document"},
	{"a merge key below what it replaces", replace("  type: slack\n", "  type: slack\n  <<: {type: webhook}\n"),
		"default/a https://h/a", "line 1 document 1: a merge key replaces a key that stands before it"},
	{"two merge keys", replace("  type: slack\n", "  <<: {type: webhook}\n  <<: {type: slack}\n"),
		"default/a https://h/a", "default/a https://h/a"},
	{"the keys 1 and \"1\"", block("a") + "  1: x\n  \"1\": y\n",
		varies, "line 1 document 1: must not hold the same key twice in one mapping"},
	{"a tab behind a value", replace("name: a\n", "name: a\t\n"),
		"default/a https://h/a", "default/a https://h/a"},
	{"a tab for indentation", replace("  name: a\n", "\tname: a\n"),
		"refused", "line 4 document 1: not YAML: found character that cannot start any token"},
	{"a no-break space behind a colon", replace("name: a\n", "name:\u00a0a\n"),
		"refused", "line 5 document 1: not YAML: mapping values are not allowed in this context"},
	{"a no-break space behind a marker", block("a") + "---\u00a0\n" + block("b"),
		"default/a https://h/a, default/b https://h/b", "default/a https://h/a, default/b https://h/b"},
	{"a line of 300 000 characters", replace("  labels:", "  annotations: {note: '"+strings.Repeat("x", 300_000)+"'}\n  labels:"),
		"default/a https://h/a", "default/a https://h/a"},
	{"an alias bomb", "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d,*d]\n",
		"refused", "line 1 document 1: not YAML: document contains excessive aliasing"},
	{"half of a surrogate pair", strings.Replace(line("a"), `"slack"`, `"slack","note":"\ud83d"`, 1),
		"default/a https://h/a", "line 1 document 1: must not hold half of a surrogate pair"},

	// What is no manifest at all.
	{"a merge conflict", "<<<<<<< HEAD\n" + block("a") + "=======\n" + block("b") + ">>>>>>> b\n",
		"refused", "line 2 document 1: not YAML: mapping values are not allowed in this context"},
	{"ansible-vault", "$ANSIBLE_VAULT;1.1;AES256\n6162636465666768\n",
		"refused", "line 1 document 1: not an object"},
	{"an armoured PGP message", "-----BEGIN PGP MESSAGE-----\n\nhQEMA\n-----END PGP MESSAGE-----\n",
		"refused", "line 1 document 1: not YAML: only a comment may follow --- on its line"},
	{"a pointer of Git LFS", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 120\n",
		"refused", "line 1 document 1: not an object"},
	{"a symbolic link that Git on Windows wrote as text", "../base/secret.yaml",
		"refused", "line 1 document 1: not an object"},
	{"a page of HTML that curl saved", "<!DOCTYPE html>\n<html><title>404: Not Found</title></html>\n",
		"refused", "line 2 document 1: not YAML: mapping values are not allowed in this context"},
	{"an empty file", "",
		"", ": holds no document"},
	{"a kind in lower case", replace("kind: Secret", "kind: secret"), "", ""},
}

// varies is what kubectl does where it goes through a Go map, and the last of two keys that become one wins.
const varies = "now this, now that"

// TestInputs holds what kubectl does with each, and what the sidecar does. Where they differ it is told.
func TestInputs(t *testing.T) {
	for _, in := range inputs {
		t.Run(in.name, func(t *testing.T) {
			path := write(t, "a.yaml", in.text)
			want, got := kubectl(path), sidecar(t, path)
			if diff := difference(want, got); diff != "" {
				t.Error(diff)
			}
			if said := want.summary(); said != in.kubectl && in.kubectl != varies {
				t.Errorf("kubectl: got %q, want %q", said, in.kubectl)
			}
			if said := got.summary(); said != in.sidecar {
				t.Errorf("sidecar: got %q, want %q", said, in.sidecar)
			}
		})
	}
}

// summary lists the Secrets with their URL or fault, or says that the file is refused.
func (f found) summary() string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(f.secrets)) {
		s := f.secrets[key]
		switch {
		case s.Fault == nil:
			parts = append(parts, key+" "+s.Entry.URL)
		case f.byKubectl && s.Fault.Reason == refused:
			parts = append(parts, key+" refused")
		case f.byKubectl:
			parts = append(parts, key+" rejected")
		default:
			parts = append(parts, key+": "+s.Fault.Message())
		}
	}
	switch {
	case strings.HasPrefix(f.told, "reading manifests: "):
		_, rule, _ := strings.Cut(f.told, "a.yaml\"")
		return strings.TrimSpace(rule)
	case f.told != "":
		parts = append(parts, "refused")
	}
	return strings.Join(parts, ", ")
}
