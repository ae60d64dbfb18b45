package secret_test

import (
	"strings"
	"testing"

	"github.com/alert-history/refresh-sidecar/internal/secret"
)

// A refresh decodes every Secret that it lists, so this is what a refresh costs beyond a bare LIST.
func BenchmarkDecode(b *testing.B) {
	for _, shape := range []struct {
		name string
		data data
	}{
		{"config", data{"config": `{
  "name": "slack-prod", "type": "slack", "url": "https://hooks.slack.com/services/T000/B000/XXXX",
  "format": "slack", "enabled": true, "headers": {"X-Team": "sre"},
  "filter_config": {"severity": ["critical", "warning"], "namespaces": ["prod", "staging"]},
  "metadata": {"owner": "sre", "cost_center": 4711}
}`}},
		{"flat", data{"name": "slack-prod", "type": "slack", "url": "https://hooks.slack.com/services/T000/B000/XXXX", "api_key": "fake-api-key"}},
		{"headers", data{"type": "webhook", "url": "https://hooks.example.com/in?tenant=1", "headers": "X-Team=sre,X-Source=alert-history,Authorization=Token token=fake"}},
		{"large", data{"config": `{"name":"a","type":"webhook","url":"https://h/p","filter_config":{"rules":[` +
			strings.Repeat(`{"severity":"critical","weight":1.5,"match":"\u00e9.*","labels":{"team":"sre","env":"prod"}},`, 1000) + `{}]}}`}},
	} {
		b.Run(shape.name, func(b *testing.B) {
			obj := shape.data.secret()
			b.ReportAllocs()
			for b.Loop() {
				if got := secret.Decode(obj); got.Fault != nil {
					b.Fatal(got.Fault.Message())
				}
			}
		})
	}
}
