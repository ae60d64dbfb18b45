package torture_test

import (
	"fmt"
	"strings"
)

// hostileConfig is the content of the key config, with NAME in the place of the target's name.
type hostileConfig struct {
	text     string
	accepted bool // whether it is published, being odd and harmless
}

func (h hostileConfig) config(name string) string { return strings.ReplaceAll(h.text, "NAME", name) }

func hostileConfigs() (all []hostileConfig) {
	refused := func(format string, args ...any) {
		all = append(all, hostileConfig{fmt.Sprintf(format, args...), false})
	}
	accepted := func(format string, args ...any) { all = append(all, hostileConfig{fmt.Sprintf(format, args...), true}) }
	for _, name := range []string{`a`, `../../etc/passwd`, `A`, `a b`, `a\u0000`, `a\n`, `-a`, `\u202ea`, `аа`, ``, strings.Repeat("a", 64), `<script>`, `__proto__`} {
		refused(`{"name":"%s","type":"webhook","url":"https://example.com/1"}`, name)
	}
	for _, url := range []string{`https://e.example/\r\nHost: evil`, `https://user:pw@e.example/`, `javascript:alert(1)`, `file:///etc/passwd`, `//e.example/`, `https://`,
		`https://e.example:99999999/`, `https://[::1`, `https://e.example/%zz`, `https://e.example\\@evil/`, `https://e .example/`, `gopher://e.example/`, `\u0000https://e.example/`, `https://e.example/\u202e`, `https://\u0435.example/`, `https://e.example/${PATH}`, `https://e.example/|`} {
		refused(`{"name":"NAME","type":"webhook","url":"%s"}`, url)
	}
	for _, headers := range []string{`{"X":"a\r\nY: b"}`, `{"X\r\nY":"a"}`, `{"":"a"}`, `{"X":""}`, `{"X Y":"a"}`, `{"X":"\u0000"}`, `{"X":1}`, `["X"]`, `{"X":"a","X":"b"}`, `{"X:":"a"}`,
		`{"Authorization":"Bearer a b"}`, `{"Authorization":"Bearer <no value>"}`, `{"Authorization":"Bearer \u200b"}`} {
		refused(`{"name":"NAME","type":"webhook","url":"https://example.com/1","headers":%s}`, headers)
	}
	deep := func(n int) string { return strings.Repeat(`[`, n) + strings.Repeat(`]`, n) }
	for _, value := range []string{deep(101), deep(9000), deep(100_000), strings.Repeat(`{"a":`, 500) + "1" + strings.Repeat("}", 500), `1e`, `01`, `"\ud800`, `"\ud800"`, `{"k":1,"k":2}`, `1e999999999`, strings.Repeat("9", 1000),
		`"` + strings.Repeat("x", 300<<10) + `"`, `[` + strings.Repeat("0,", 200<<10) + `0]`} {
		refused(`{"name":"NAME","type":"webhook","url":"https://example.com/1","x":%s}`, value)
	}
	for _, value := range []string{deep(50), `1e308`, strings.Repeat("9", 308), `[` + strings.Repeat("0,", 50<<10) + `0]`, `{"__proto__":{"admin":true}}`, `"</script><script>"`} {
		accepted(`{"name":"NAME","type":"webhook","url":"https://example.com/1","x":%s}`, value)
	}
	return all
}
