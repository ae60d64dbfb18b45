package secret_test

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/alert-history/refresh-sidecar/internal/secret"
)

// A fault names every broken field, and nothing of what the Secret holds.
func ExampleDecode() {
	secret := secret.Decode(&secret.Object{
		ObjectMeta: metav1.ObjectMeta{Namespace: "alert-history", Name: "slack-prod"},
		Data: map[string][]byte{
			"config": []byte(`{"name": "slack-prod", "type": "Slack", "url": "hooks.slack.com/services/T000/B000/XXXX", "enabled": "true"}`),
		},
	})
	fmt.Println(secret.Key, secret.Fault.Reason)
	for _, p := range secret.Fault.Problems {
		fmt.Printf("%s (%s)\n", p, p.Hint)
	}
	// Output:
	// alert-history/slack-prod validate
	// type: must be one of alertmanager, slack, pagerduty, rootly, webhook (in lower case, without spaces)
	// url: must be an absolute http or https URL (write it with scheme and host, as in https://host/path)
	// enabled: must be true or false (in JSON without quotes; leave it out for true)
}
