package secret_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/alert-history/refresh-sidecar/internal/secret"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

func TestCheckPublished(t *testing.T) {
	made := secret.Decode(&secret.Object{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "s"}, Data: map[string][]byte{
		"name": []byte("a"), "type": []byte("alertmanager"), "url": []byte("https://example.com/x"), "headers": []byte("X-Team=sre"), "routing-key": []byte("k"),
	}})
	if made.Fault != nil {
		t.Fatal(made.Fault.Message())
	}
	many := map[string]string{}
	for i := range 1001 {
		many[fmt.Sprint("X-", i)] = "v"
	}
	cases := map[string]struct {
		change func(*targetsfile.Target)
		rule   string
	}{
		"as decoded":            {func(*targetsfile.Target) {}, ""},
		"a placeholder, by 1.0": {func(t *targetsfile.Target) { t.Headers = map[string]string{"Authorization": "Bearer ${TOKEN}"} }, ""},
		"no name":               {func(t *targetsfile.Target) { t.Name = "" }, "DNS-1123"},
		"type alertmanager":     {func(t *targetsfile.Target) { t.Type = "alertmanager" }, "must be one of"},
		"format of another":     {func(t *targetsfile.Target) { t.PayloadFormat = "rootly" }, "must be one of"},
		"no format":             {func(t *targetsfile.Target) { t.PayloadFormat = "" }, "must be one of"},
		"other scheme":          {func(t *targetsfile.Target) { t.URL = "file:///etc/passwd" }, "absolute"},
		"no URL":                {func(t *targetsfile.Target) { t.URL = "http://a\n" }, "absolute"},
		"header name":           {func(t *targetsfile.Target) { t.Headers = map[string]string{"a b": "c"} }, "the name must be"},
		"header value":          {func(t *targetsfile.Target) { t.Headers = map[string]string{"a": "b\r\nc: d"} }, "line breaks"},
		"many headers":          {func(t *targetsfile.Target) { t.Headers = many }, "1000 entries"},
		"filter":                {func(t *targetsfile.Target) { t.FilterConfig = json.RawMessage("[]") }, "must be an object"},
		"size": {func(t *targetsfile.Target) {
			t.Extra = map[string]json.RawMessage{"x": json.RawMessage(`"` + strings.Repeat("x", 256<<10) + `"`)}
		}, "256 KiB"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			target := made.Entry.Target
			c.change(&target)
			entry, err := targetsfile.NewEntry(target)
			if err != nil {
				t.Fatal(err)
			}
			if rule := secret.CheckPublished(entry); (rule == "") != (c.rule == "") || !strings.Contains(rule, c.rule) {
				t.Errorf("got %q, want %q", rule, c.rule)
			}
		})
	}
}

func TestIsKey(t *testing.T) {
	for key, want := range map[string]bool{
		"ns/s": true, "ns/s.tls": true, "": false, "s": false, "/s": false, "ns/": false, "ns/a/b": false, "a.b/s": false, "NS/s": false, "ns/../s": false,
	} {
		if got := secret.IsKey(key); got != want {
			t.Errorf("IsKey(%q): got %t, want %t", key, got, want)
		}
	}
}
