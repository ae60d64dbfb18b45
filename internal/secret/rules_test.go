package secret_test

import (
	"encoding/base64"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/alert-history/refresh-sidecar/internal/secret"
	"github.com/alert-history/refresh-sidecar/internal/source"
)

// breaks has for each rule a Secret that breaks it and no other, in JSON where that can be.
func breaks() map[secret.ID]data {
	flat := func(key, value string) data {
		return data{"type": "webhook", "url": "https://h/p", key: value}
	}
	config := func(doc string) data { return data{"config": doc} }
	header := func(value string) data { return with("headers", fmt.Sprintf(`{"Authorization":%q}`, value)) }
	return map[secret.ID]data{
		"known-key":          {"x": "y"},
		"utf-8":              config("{\"x\":\"\xff\"}"),
		"yaml":               config("name: a"),
		"json":               config(`{"name":}`),
		"json-object":        config(`["name"]`),
		"fields":             config(`{"x":1}`),
		"twice":              with("x", `{"k":1,"k":1}`),
		"surrogate":          with("x", `"\ud800"`),
		"number":             with("x", `1e999`),
		"depth":              with("x", strings.Repeat("[", 60)+strings.Repeat("]", 60)),
		"secret-size":        flat("x", strings.Repeat("x", 1<<20)),
		"target-size":        with("x", `"`+strings.Repeat("x", 256<<10)+`"`),
		"entries":            config(minimal[:len(minimal)-1] + "," + numbered(1000) + "}"),
		"required":           config(`{"name":"a","type":"webhook"}`),
		"string":             with("name", "1"),
		"name":               with("name", `"A"`),
		"type":               with("type", `"x"`),
		"format":             with("format", `"x"`),
		"suits":              with("format", `"slack"`),
		"enabled":            with("enabled", "1"),
		"object":             with("filter_config", "[]"),
		"url-space":          with("url", `"https://h/ "`),
		"url-invisible":      with("url", `"https://h/\u200b"`),
		"url-character":      with("url", `"https://h/|"`),
		"url-absolute":       with("url", `"h/p"`),
		"url-port":           with("url", `"https://h:0/"`),
		"url-user":           with("url", `"https://u@h/"`),
		"url-host":           with("url", `"https://h\u00e9/"`),
		"headers-object":     with("headers", "[]"),
		"header-pair":        flat("headers", "A"),
		"header-line":        flat("headers", "A: b\nC"),
		"header-one":         flat("headers", "A: b, C: d"),
		"header-name":        with("headers", `{"a b":"c"}`),
		"header-string":      with("headers", `{"A":1}`),
		"header-empty":       with("headers", `{"A":" "}`),
		"header-control":     with("headers", `{"A":"b\n"}`),
		"header-twice":       with("headers", `{"A":"b","a":"c"}`),
		"one-credential":     {"type": "webhook", "url": "https://h/p", "api_key": "a", "auth_token": "b"},
		"credential":         header("Bearer a b"),
		"credential-scheme":  flat("api_key", "Bearer x"),
		"credential-missing": header("Bearer "),
		"placeholder":        header("Bearer <no value>"),
		"base64-twice":       config(base64.StdEncoding.EncodeToString([]byte(minimal))),
		"unread":             {"config": minimal, "x": "y"},
		"flat-unread":        flat("9", "x"),
		"flat-empty":         flat("api_key", ""),
		"json-token":         with("api_key", `"x"`),
		"near-field":         with("URL", `"x"`),
		"inert":              with("filters", "[]"),
		"header-placeholder": with("headers", `{"A":"${B}"}`),
	}
}

// pattern matches the messages of a rule.
func pattern(r secret.Rule) *regexp.Regexp {
	return regexp.MustCompile("^(.*: )?" + strings.ReplaceAll(regexp.QuoteMeta(r.Text), "%s", ".+") + "$")
}

// Each rule is in force: something breaks it, the message and the hint are those of the table, and the schema says what the table
// says that it does.
func TestEveryRule(t *testing.T) {
	samples := breaks()
	for _, r := range secret.Rules() {
		d, ok := samples[r.ID]
		if !ok {
			if !strings.Contains("writable headers-more more-warnings", string(r.ID)) { // the first cannot be broken, the others count
				t.Errorf("%s: nothing breaks it", r.ID)
			}
			continue
		}
		delete(samples, r.ID)
		t.Run(string(r.ID), func(t *testing.T) {
			got := d.decode()
			if r.Reason == "" {
				if len(got.Warnings) != 1 || !pattern(r).MatchString(got.Warnings[0].Rule) || got.Fault != nil {
					t.Fatalf("got warnings %q and fault %v, want one warning %q", got.Warnings, got.Fault, r.Text)
				}
				checkSchema(t, d, true)
				return
			}
			if got.Fault == nil || len(got.Fault.Problems) != 1 || got.Fault.Reason != r.Reason {
				t.Fatalf("got fault %+v, want one problem %q and reason %s", got.Fault, r.Text, r.Reason)
			}
			p := got.Fault.Problems[0]
			if !pattern(r).MatchString(p.Rule) || p.Hint != r.Hint {
				t.Errorf("got %q (%s), want %q (%s)", p.Rule, p.Hint, r.Text, r.Hint)
			}
			if r.Reason == "validate" || r.Schema {
				checkSchema(t, d, !r.Schema)
			}
		})
	}
	for id := range samples {
		t.Errorf("%s: no such rule", id)
	}
}

// No two rules have one name, and no message is like that of another rule: it must lead to the one row of the table.
func TestRulesAreDistinct(t *testing.T) {
	seen := make(map[secret.ID]bool)
	for _, r := range secret.Rules() {
		if seen[r.ID] || r.Hint == "" || r.Judges == "" {
			t.Errorf("%+v: a name used twice, or something missing", r)
		}
		seen[r.ID] = true
		for _, other := range secret.Rules() {
			sameField := r.Judges == other.Judges
			if r.ID != other.ID && sameField && pattern(r).MatchString(other.Text) {
				t.Errorf("%s and %s have one text", r.ID, other.ID)
			}
		}
	}
}

// The tables of docs/messages.md have a row for each rule, in this order. Others have rows there, too: package manifests and package sync.
func TestTheTablesHaveTheRules(t *testing.T) {
	text, err := os.ReadFile("../../docs/messages.md")
	if err != nil {
		t.Fatal(err)
	}
	_, chapter, _ := strings.Cut(string(text), "## Messages about Secrets\n")
	chapter, _, _ = strings.Cut(chapter, "\nOf manifests alone") // which package manifests finds
	var faults, warnings []string
	for _, r := range secret.Rules() {
		if r.Reason == "" {
			warnings = append(warnings, fmt.Sprintf("| %s | %s | %s |", r.Judges, code(r.Text), prose(r.Hint)))
		} else {
			faults = append(faults, fmt.Sprintf("| `%s` | %s | %s | %s |", r.Reason, r.Judges, code(r.Text), prose(r.Hint)))
		}
	}
	want := slices.Concat(faults, warnings)
	var got []string
	for line := range strings.Lines(chapter) {
		if line = strings.TrimSpace(line); slices.Contains(want, line) {
			got = append(got, line)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the rows (-rules +docs/messages.md):\n%s", diff)
	}
}

// code renders a message for a cell of a table.
func code(message string) string {
	text := strings.NewReplacer("%s", "…", "|", `\|`).Replace(message)
	if strings.Contains(text, "`") {
		return "``" + text + "``"
	}
	return "`" + text + "`"
}

// prose renders a hint for a cell of a table.
func prose(hint string) string {
	return strings.NewReplacer("|", `\|`, "_", `\_`, "*", `\*`, "<", `\<`, `\u`, `\\u`).Replace(hint)
}

// A Secret that breaks rules of several fields is told of all of them, whatever the order.
func TestEveryBrokenFieldIsNamed(t *testing.T) {
	got := data{"name": "A", "type": "Slack", "url": "https://h/${X}", "format": "x", "enabled": "maybe", "headers": "A", "filter_config": "[]", "api_key": "<no value>"}.decode()
	fields := func(s source.Secret) (names []string) {
		for _, p := range s.Fault.Problems {
			names = append(names, p.Field)
		}
		return names
	}
	want := []string{"name", "type", "url", "format", "enabled", "headers", "api_key", "filter_config"}
	if diff := cmp.Diff(want, fields(got)); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}
