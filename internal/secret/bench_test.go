package secret_test

import (
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
		{"flat", data{"name": "slack-prod", "type": "slack", "url": "https://hooks.slack.com/services/T000/B000/XXXX", "api_key": "XXXX"}},
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
