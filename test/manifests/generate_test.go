package manifests_test

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode/utf16"
)

// generator makes files as people and tools write them, and as they break them. The same seed makes the same file.
type generator struct {
	*rand.Rand
	names int
}

func (g *generator) pick(of ...string) string { return of[g.IntN(len(of))] }

// sometimes returns a text once in n.
func (g *generator) sometimes(n int, text string) string {
	if g.IntN(n) == 0 {
		return text
	}
	return ""
}

// file returns a file of up to six documents, in half of all cases damaged.
func (g *generator) file() string {
	var text strings.Builder
	text.WriteString(g.pick("", "", "---\n", "# head\n", "# head\n---\n", "\n\n", "--- # head\n"))
	for i := range 1 + g.IntN(6) {
		if i > 0 {
			text.WriteString(g.pick("---\n", "---\n", "--- # next\n", "---\t\n", "---\n---\n", "...\n---\n", "---\n# nothing\n---\n", "---\nnull\n---\n",
				"---\n"+g.sometimes(5, "...\n"), g.pick("---\n", "---\n", "---\n", "\n", "")))
		}
		text.WriteString(g.document())
	}
	return g.encode(g.damage(text.String()))
}

func (g *generator) document() string {
	g.names++
	name := fmt.Sprintf("s%d", g.names)
	switch g.IntN(9) {
	case 0:
		return g.json(name) + g.pick("\n", "", " ")
	case 1:
		return fmt.Sprintf("{\n  apiVersion: \"v1\",\n  kind: \"Secret\",\n  metadata: {name: %q, labels: {publishing-target: \"true\",},},\n  stringData: {type: \"slack\", url: \"https://h/%s\",},\n}\n", name, name)
	case 2:
		return "apiVersion: v1\nkind: " + g.pick("List", "SecretList", "ConfigMapList") + "\nitems:\n" + g.items(name)
	case 3:
		return "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\ndata:\n  text: |\n    ---\n    kind: Secret\n"
	case 4:
		return g.merged(name)
	case 5:
		return `{"apiVersion":"v1","kind":"List","items":[` + g.json(name) + `,{"apiVersion":"v1","kind":"List","items":[` + g.json(name+"x") + `]}]}` + "\n"
	}
	return g.secret(name, "")
}

// items returns the items of a list, some of them lists.
func (g *generator) items(name string) string {
	item := func(name string) string { return "-" + g.secret(name, "  ")[1:] }
	text := item(name+"a") + item(name+"b")
	if g.IntN(3) == 0 {
		text += "- apiVersion: v1\n  kind: List\n  items:\n  " + strings.ReplaceAll(strings.TrimSpace(item(name+"c")), "\n", "\n  ") + "\n"
	}
	return text
}

// secret returns a Secret in block style, each line indented.
func (g *generator) secret(name, indent string) string {
	config := fmt.Sprintf(`{"name":"%s","type":"slack","url":"https://h/%[1]s"}`, name)
	lines := []string{
		g.pick("apiVersion: v1", `apiVersion: "v1"`, "apiVersion: v1 # the first"), g.pick("kind: Secret", "kind:   Secret", "'kind': Secret", "? kind\n: Secret"),
		"metadata:", "  name: " + name, "  labels:", "    publishing-target: " + g.pick(`"true"`, `"true"`, "'true'", "true", "yes", "!!str true"),
	}
	if g.IntN(2) == 0 {
		lines = append(lines, "stringData:", "  type: "+g.pick("slack", "webhook", "&t slack"), "  url: "+g.pick("https://h/"+name, `"https://h/`+name+`"`, ">-\n    https://h/"+name, "|\n    https://h/"+name),
			"  enabled: "+g.pick(`"true"`, `"false"`, "yes", "0644", "~", `"\x74rue"`))
	} else {
		encoded := base64.StdEncoding.EncodeToString([]byte(config))
		lines = append(lines, "data:", "  config: "+g.pick(encoded, `"`+encoded+`"`, "|\n    "+encoded[:20]+"\n    "+encoded[20:], "!!binary "+encoded, g.pick(encoded, encoded, ">-\n    "+encoded[:20]+"\n    "+encoded[20:], "!!binary /w==")))
	}
	lines = append(lines, g.sometimes(8, "type: Opaque"), g.sometimes(40, "kind: Secret"), g.sometimes(40, "1: a\n\"1\": b"), g.sometimes(20, "<<: {note: x}"))
	var text strings.Builder
	for line := range strings.Lines(strings.Join(lines, g.sometimes(12, " ")+"\n") + "\n") {
		text.WriteString(indent + line)
	}
	return text.String()
}

// merged returns a List whose second item is the first with changes.
func (g *generator) merged(name string) string {
	override := g.pick("<<: *base\n  metadata: {<<: *meta, name: %[1]sb}", "<<: *base\n  metadata: {<<: *meta, name: %[1]sb}", "metadata: {<<: *meta, name: %[1]sb}\n  <<: *base", "<<: *base\n  metadata: {name: %[1]sb, <<: *meta}", "<<: [*base, {kind: x}]\n  metadata: {<<: *meta, name: %[1]sb}")
	return fmt.Sprintf("apiVersion: v1\nkind: List\nitems:\n- &base\n  apiVersion: v1\n  kind: Secret\n  metadata: &meta {name: %[1]sa, labels: {publishing-target: \"true\"}}\n  stringData: &data {type: slack, url: 'https://h/%[1]sa'}\n- "+override+"\n  stringData: {<<: *data, url: 'https://h/%[1]sb'}\n", name)
}

func (g *generator) json(name string) string {
	return fmt.Sprintf(`{"apiVersion":"v1","kind":"Secret","metadata":{"name":%q,"labels":{"publishing-target":"true"}},"stringData":{"type":"slack","url":"https:%s/h/%s%s"}%s}`,
		name, g.pick("/", "/", "/", "/", "/", `\/`), name, g.pick("", "", "", `\u00e4`, g.pick("", `\ud83d\ude00`), "ä", g.pick("", "", `\ud83d`)), g.sometimes(12, `,"kind":"Secret"`))
}

// damage does what editors, shells and people do to a file.
func (g *generator) damage(text string) string {
	at := g.IntN(len(text))
	switch g.IntN(16) {
	case 0:
		return text[:at]
	case 1:
		return text[:at] + g.pick("\t", "\u00a0", "\f", "\x00", "\xff", "\u2028", "\u0085", "\ufeff", "%", "{{ .x }}", "---", "\r", "}", "\n", "  ", "#", ": ", "- ", "&a ", "\ufffd") + text[at:]
	case 2:
		end := min(len(text), at+g.IntN(40))
		return text[:at] + text[end:]
	case 3:
		return strings.ReplaceAll(text, "\n", "\r\n")
	case 4:
		return strings.ReplaceAll(text, "\n", "\r")
	case 5:
		return text + g.pick("...\ntext\n", "...\n", "---", "...\n"+g.secret("after", ""), "# end", "}", "\x1a", "\f")
	case 6:
		lines := strings.SplitAfter(text, "\n")
		i := g.IntN(len(lines))
		return strings.Join(lines[:i], "") + lines[i] + strings.Join(lines[i:], "")
	}
	return text
}

// encode writes the file as Windows does, once in five.
func (g *generator) encode(text string) string {
	order := g.IntN(20)
	if order == 0 {
		return "\ufeff" + text
	}
	if order > 2 {
		return text
	}
	var out strings.Builder
	for _, unit := range utf16.Encode([]rune("\ufeff" + text)) {
		high, low := byte(unit>>8), byte(unit)
		if order == 1 {
			high, low = low, high
		}
		out.Write([]byte{high, low})
	}
	return out.String()
}
