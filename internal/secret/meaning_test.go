package secret_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// checkAccepted fails unless the Secret yields a target without a word.
func checkAccepted(t *testing.T, d data) {
	t.Helper()
	got := d.decode()
	if got.Fault != nil || len(got.Warnings) > 0 {
		t.Errorf("got fault %v and warnings %q, want neither", got.Fault, got.Warnings)
	}
	checkSchema(t, d, true)
}

// URLs as services hand them out, with other letters: none may be taken for a placeholder or for broken.
func TestURLsOfServicesAreAccepted(t *testing.T) {
	for _, url := range []string{
		"https://hooks.slack.com/services/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",
		"https://hooks.slack.com/services/T00000000/B00000000/XXXX",
		"https://hooks.slack.com/workflows/T0AB1CD2E/A0FG3HI4J/500000000000000000/aB3dE5fG7hI9jK1l",
		"https://hooks.slack-gov.com/services/T0AB1CD2E/B0FG3HI4J/k5Lm6No7Pq8Rs9Tu0Vw1Xy2Z",
		"https://events.pagerduty.com/v2/enqueue",
		"https://events.eu.pagerduty.com/integration/0123456789abcdef0123456789abcdef/enqueue",
		"https://webhooks.rootly.com/webhooks/incoming/generic_webhooks?secret=0a1b2c3d4e5f",
		"https://api.opsgenie.com/v2/alerts?identifierType=alias&source=a%20b",
		"https://oncall-prod-us-central-0.grafana.net/oncall/integrations/v1/alertmanager/Ab0Cd1Ef2Gh3Ij4Kl5Mn6Op7/",
		"https://discord.com/api/webhooks/123456789012345678/aB3_dE5-fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5zA7bC9dE1fG3hI5jK7lM9nO1pQ3rS5/slack?wait=true",
		"https://contoso.webhook.office.com/webhookb2/0a1b2c3d-0000-0000-0000-4e5f6a7b8c9d@0a1b2c3d-1111-1111-1111-4e5f6a7b8c9d/IncomingWebhook/0a1b2c3d4e5f/0a1b2c3d-2222-2222-2222-4e5f6a7b8c9d",
		"https://prod-00.westeurope.logic.azure.com:443/workflows/0a1b2c3d4e5f/triggers/manual/paths/invoke?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=aB3-dE5_fG7",
		"https://default0a1b2c.3d.environment.api.powerplatform.com/powerautomate/automations/direct/workflows/0a1b/triggers/manual/paths/invoke?api-version=1&sp=%2Ftriggers&q=%7B%22a%22%3A%24%7Bx%7D%7D",
		"https://api.telegram.org/bot1234567890:AAH-aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1v/sendMessage?chat_id=-1001234567890",
		"https://chat.googleapis.com/v1/spaces/AAAAaB3dE5f/messages?key=AIzaSyaB3dE5fG7hI9&token=aB3dE5fG7%3D",
		"https://hooks.zapier.com/hooks/catch/1234567/ab3de5f/",
		"https://api.telegram.org:8443/bot1:A/sendMessage?parse_mode=$filter&x=$(y)&a[]=1&b=(1,2)'*!;~",
		"https://alert.victorops.com/integrations/generic/20131114/alert/0a1b2c3d-4e5f-6a7b-8c9d-0e1f2a3b4c5d/sre",
		"https://ntfy.sh/alerts?up=1&title=100%25",
		"http://alertmanager-webhook_adapter.monitoring.svc:8080/-/alerts/00000000/11111111?tenant=00000000000",
		"http://10.0.0.1:9093/api/v2/alerts", "http://[2001:db8::1]:9093/", "http://[::ffff:10.0.0.1]/", "https://h./p#f/?%41", "http://localhost:1",
		"https://h/ENC[a]/vault:x/path:y/nice",
	} {
		t.Run(url, func(t *testing.T) { checkAccepted(t, with("url", fmt.Sprintf("%q", url))) })
	}
}

// Values of Authorization in use, with other letters.
func TestCredentialsInUseAreAccepted(t *testing.T) {
	for _, value := range []string{
		"Basic dXNlcjpwYXNz", "Bearer x", "Bearer  x", "bearer x", "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl-_", "Bearer xoxb-123-456-aB3dE5", "Bearer ghp_aB3dE5fG7hI9",
		"Token token=y_NbAkKc66ryYTWUXYEu", `Token token="abc"`, "Token 0a1b2c3d4e5f", "GenieKey 0a1b2c3d-4e5f-6a7b-8c9d-0e1f2a3b4c5d", "Splunk 0A1B2C3D-4E5F", "ApiKey aWQ6a2V5", "Api-Token dt0c01.AB12.CD34",
		"Bot MTIz.abc", "SSWS 00aB3dE5", "Zoho-oauthtoken 1000.a1.b2", "key=AAAAaB3dE5f:APA91b", "PVEAPIToken=root@pam!monitoring=0a1b2c3d", "SharedAccessSignature sr=h%2Fx&sig=aB3%3D&se=1700000000&skn=send",
		`Digest username="x",realm="y",qop=auth`, "AWS4-HMAC-SHA256 Credential=A/20260102/us-east-1/s/aws4_request,SignedHeaders=host,Signature=0a1b", "ExtraHop apikey=0a1b",
		"0a1b2c3d4e5f", "a", "k1", "aab", "$2y$10$abc", "p{a}s", "a<b>c", `x"y"z`, "s3cr3t!#%&'()*+,-./:;=?@[]^_`|~", "$ecret", "ENC(abc)",
	} {
		t.Run(value, func(t *testing.T) {
			checkAccepted(t, with("headers", fmt.Sprintf(`{"Authorization":%q}`, value)))
		})
	}
	for _, token := range []string{"y_NbAkKc66ryYTWUXYEu", "token=abc", "dt0c01.AB12.CD34", "sk-ant-aB3", "aWQ6a2V5Cg==", "bearer-of-news", "basically", "x", "R0ABCDEF0123456789"} {
		t.Run("api_key "+token, func(t *testing.T) {
			checkAccepted(t, data{"type": "webhook", "url": "https://h/p", "api_key": token + "\n"})
			checkAccepted(t, data{"type": "webhook", "url": "https://h/p", "auth_token": token})
		})
	}
}

// What templates, generators and encryption tools leave, and what it is called. It must not take the place of a target that works.
func TestPlaceholdersAreFaults(t *testing.T) {
	const angle, dollar, brace = "an unfilled <…>", "an unfilled ${…}", "an unfilled {{…}}"
	const encrypted, vault, quoted, object, repeated = "the encrypted ENC[…]", "a reference vault:…", "text in quotes", "a JSON object", "one character repeated"
	for _, tt := range []struct{ value, want string }{
		{"<no value>", angle}, {"key-<no value>", angle}, {"<path:secret/data/slack#token>", angle}, {"a<path:b#c>d", angle}, {"<slack-token>", angle}, {"<nil>", angle},
		{"${SLACK_TOKEN}", dollar}, {"a${B:-c}d", dollar}, {"${{ secrets.TOKEN }}", dollar}, {"{{ .Values.token }}", brace}, {"a{{b}}", brace},
		{"ENC[AES256_GCM,data:AAAA,iv:BBBB=,tag:CCCC==,type:str]", encrypted}, {"ENC[PKCS7,Y22e]", encrypted},
		{"vault:secret/data/slack#token", vault}, {"vault:v1:8SDd3WHD", vault},
		{`"fake-token"`, quoted}, {"'fake-token'", quoted}, {"`fake-token`", quoted}, {`""`, quoted},
		{`{"token":"x"}`, object}, {"{}", object}, {"{token}", object},
		{"xxx", repeated}, {"****************", repeated}, {"........", repeated}, {"00000000", repeated},
	} {
		t.Run(tt.value, func(t *testing.T) {
			const rule = "must be the real value, not "
			flat := func(key string) data { return data{"type": "webhook", "url": "https://h/p", key: tt.value} }
			checkFault(t, flat("api_key"), "validate", "api_key: "+rule+tt.want)
			checkFault(t, flat("auth_token"), "validate", "auth_token: "+rule+tt.want)
			for _, value := range []string{tt.value, "Bearer " + tt.value, " Token  " + tt.value + " "} {
				d := with("headers", fmt.Sprintf(`{"Authorization":%q}`, value))
				checkFault(t, d, "validate", "headers: Authorization: "+rule+tt.want)
				checkSchema(t, d, tt.want == repeated) // as its description says
			}
			// In another header it may be meant.
			got := with("headers", fmt.Sprintf(`{"X-A":%q}`, tt.value)).decode()
			if diff := cmp.Diff([]string{"headers: X-A: the value is " + tt.want}, warnings(got)); diff != "" || got.Fault != nil {
				t.Errorf("got fault %v, warnings (-want +got):\n%s", got.Fault, diff)
			}
		})
	}
	for _, tt := range []struct{ url, want string }{
		{"https://hooks.slack.com/services/${SLACK_PATH}", dollar}, {"${URL}", dollar}, {"https://h/{{ .Values.path }}", brace}, {"<no value>", angle}, {"https://h/<no value>", angle},
		{"<path:secret/data/slack#url>", angle}, {"https://h/<path:secret/data/slack#path>", angle}, {"ENC[AES256_GCM,data:AAAA,type:str]", encrypted}, {"vault:secret/data/slack#url", vault},
		{`"https://h/p"`, quoted}, {"'https://h/p'", quoted}, {`{"url":"https://h/p"}`, object},
		{"https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX", repeated}, {"https://h/?key=xxxxxxxx", repeated}, {"https://h/********/", repeated}, {"********", repeated},
	} {
		t.Run(tt.url, func(t *testing.T) {
			d := with("url", fmt.Sprintf("%q", tt.url))
			checkFault(t, d, "validate", "url: must be the real value, not "+tt.want)
			if tt.want != repeated {
				checkSchema(t, d, false)
			}
		})
	}
}

// What reads like a credential and is none, because of a character that hardly shows.
func TestBrokenCredentialsAreFaults(t *testing.T) {
	const missing, scheme = "must hold a credential after its scheme", "must not begin with a scheme"
	for _, value := range []string{"Bearer a b", "Bearer Bearer x", "Bearer a\tb", "Bearer\tx", "Bearer a\u200bb", "Bearer \ufeffx", "Bearer a\u00a0b", "Bearer \u201cx\u201d", "Bearer é", `Digest username="x", realm="y"`, "a b c"} {
		t.Run(value, func(t *testing.T) {
			d := with("headers", fmt.Sprintf(`{"authorization":%q}`, value))
			checkFault(t, d, "validate", "headers: authorization: "+credentialRule)
			checkSchema(t, d, false)
		})
	}
	for _, value := range []string{"Bearer", "bearer ", " Token", "GenieKey\t"} {
		t.Run(value, func(t *testing.T) {
			d := with("headers", fmt.Sprintf(`{"Authorization":%q}`, value))
			checkFault(t, d, "validate", "headers: Authorization: "+missing)
			checkSchema(t, d, false)
		})
	}
	for token, want := range map[string]string{
		"Bearer fake-token": scheme, "bearer  fake": scheme, "Token token=abc": scheme, "GenieKey x": scheme, "Basic dXNlcjpwYXNz": scheme, "Bearer": scheme, "ApiKey x": scheme, "Bearer a b": scheme,
		"fake token": credentialRule, "a\tb": credentialRule, "a\u200bb": credentialRule, "\u202ex": credentialRule, "é": credentialRule, "a\x00": credentialRule, "X-Api-Key: abc": credentialRule,
	} {
		t.Run("api_key "+token, func(t *testing.T) {
			checkFault(t, data{"type": "webhook", "url": "https://h/p", "api_key": token}, "validate", "api_key: "+want)
		})
	}
}

// Secrets as tools and manuals make them, after public reports.
func TestSecretsAsTheyAreMade(t *testing.T) {
	const rejected, warned, silent = "rejected", "warned", "silent"
	slack := func(more string) string {
		return `{"name":"a","type":"slack","url":"https://hooks.slack.com/services/T0/B0/x"` + more + `}`
	}
	for _, tt := range []struct {
		name string
		data data
		want string
		says string // what the message or the warning holds
	}{
		{"a Helm value that was never set", data{"type": "slack", "url": "https://hooks.slack.com/services/{{ .Values.slack.path }}"}, rejected, "url: must be the real value, not an unfilled {{…}}"},
		{"envsubst without the variable's name", data{"type": "webhook", "url": "https://h/p", "headers": "Authorization: Bearer "}, rejected, "headers: entry 1: must hold a credential after its scheme"},
		{"envsubst that did not run", data{"type": "webhook", "url": "https://h/p", "headers": "Authorization: Bearer ${TOKEN}"}, rejected, "not an unfilled ${…}"},
		{"a SealedSecret's template with Argo CD's vault plugin", data{"config": slack(`,"headers":{"Authorization":"Bearer <path:kv/data/slack#token | base64encode>"}`)}, rejected, "not an unfilled <…>"},
		{"a .env file with quotes", data{"type": "pagerduty", "url": "'https://events.pagerduty.com/v2/enqueue'", "api_key": "k"}, rejected, "url: must be the real value, not text in quotes"},
		{"an ExternalSecret that took the whole object", data{"type": "webhook", "url": "https://h/p", "auth_token": `{"token":"abc","url":"https://h"}`}, rejected, "auth_token: must be the real value, not a JSON object"},
		{"a token from a chat window", data{"type": "webhook", "url": "https://h/p", "auth_token": "abc\u200bdef"}, rejected, "auth_token: the credential must be visible ASCII"},
		{"a URL from a chat window, in angle brackets", data{"type": "slack", "url": "<https://hooks.slack.com/services/T0/B0/x>"}, rejected, "url: must be the real value, not an unfilled <…>"},
		{"a URL of a web page, with a mark of direction", data{"type": "slack", "url": "https://hooks.slack.com/services/T0/B0/x\u200e"}, rejected, "url: must not hold characters that do not show"},
		{"a domain of another alphabet", data{"type": "slack", "url": "https://hooks.sl\u0430ck.com/services/T0/B0/x"}, rejected, "url: must have a host"},
		{"the manual's webhook", data{"type": "slack", "url": "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"}, rejected, "not one character repeated"},
		{"JavaScript's JSON.stringify of half an emoji", data{"config": slack(`,"note":"\ud83d"`)}, rejected, "config.note: must not hold half of a surrogate pair"},
		{"Python's json.dumps of infinity in digits", data{"config": slack(`,"filter_config":{"max":1e999}`)}, rejected, "config.filter_config: must not hold a number beyond a double's range"},
		{"a values file put in as it is", data{"config": "name: a\ntype: slack\nurl: https://hooks.slack.com/services/T0/B0/x\n"}, rejected, "config: must be JSON, not YAML"},
		{"Alertmanager's own receiver", data{"config": `{"name":"a","type":"webhook","webhook_url":"https://h/p"}`}, rejected, "url: is required"},
		{"a filter in the words of another tool", data{"config": slack(`,"filters":[{"field":"severity","op":"=","value":"critical"}]`)}, warned, "filters: nothing acts on it"},
		{"basic authentication as an object", data{"config": slack(`,"auth":{"type":"basic","username":"u","password":"p"}`)}, warned, "auth: nothing acts on it"},
		{"disabled, which is not enabled", data{"config": slack(`,"disabled":true`)}, warned, "disabled: is not the field enabled"},
		{"a template in a header that is no credential", data{"config": slack(`,"headers":{"X-Env":"${ENV}"}`)}, warned, "headers: X-Env: the value is an unfilled ${…}"},
		{"PagerDuty's Events v2 with its key", data{"type": "pagerduty", "url": "https://events.pagerduty.com/v2/enqueue", "routing-key": "R0ABCDEF0123456789"}, silent, ""},
		{"PagerDuty's REST API", data{"type": "pagerduty", "url": "https://api.pagerduty.com/incidents", "headers": "Authorization: Token token=y_NbAkKc66\nContent-Type: application/json\nFrom: sre@example.com"}, silent, ""},
		{"Alertmanager's own form", data{"type": "alertmanager", "url": "http://alertmanager:9093/api/v2/alerts"}, silent, ""},
		{"PowerShell's line ends", data{"type": "webhook\r\n", "url": "https://h/p\r\n", "enabled": "true\r\n", "headers": "X-A: b\r\nX-C: d\r\n"}, silent, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.data.decode()
			verdict, text := silent, strings.Join(warnings(got), "\n")
			if got.Warnings != nil {
				verdict = warned
			}
			if got.Fault != nil {
				verdict, text = rejected, got.Fault.Message()
			}
			if verdict != tt.want || !strings.Contains(text, tt.says) {
				t.Errorf("got %s with %q, want %s with %q", verdict, text, tt.want, tt.says)
			}
		})
	}
}
