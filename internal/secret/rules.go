package secret

import (
	"slices"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// ID names a [Rule].
type ID string

// Rule is one thing that every Secret is held to. The decoder and the command validate take the rules from here; tests hold
// config.schema.json and the tables of docs/messages.md to them.
type Rule struct {
	ID     ID
	Judges string // the fields or keys that the rule is about, as docs/messages.md names them
	Reason string // targetsfile.RejectParse or RejectValidate; empty for a warning, which rejects nothing
	Text   string // the message; %s stands for a public detail
	Hint   string // the cure, or what a warning means
	Schema bool   // config.schema.json, too, refuses what breaks the rule
}

// The rules by name.
const (
	ruleKnownKey   ID = "known-key"
	ruleUTF8       ID = "utf-8"
	ruleYAML       ID = "yaml"
	ruleJSON       ID = "json"
	ruleJSONObject ID = "json-object"
	ruleFields     ID = "fields"
	ruleTwice      ID = "twice"
	ruleSurrogate  ID = "surrogate"
	ruleNumber     ID = "number"
	ruleDepth      ID = "depth"
	ruleWritable   ID = "writable"

	ruleSecretSize ID = "secret-size"
	ruleTargetSize ID = "target-size"
	ruleEntries    ID = "entries"
	ruleRequired   ID = "required"
	ruleString     ID = "string"
	ruleName       ID = "name"
	ruleType       ID = "type"
	ruleFormat     ID = "format"
	ruleSuits      ID = "suits"
	ruleEnabled    ID = "enabled"
	ruleObject     ID = "object"

	ruleURLSpace     ID = "url-space"
	ruleURLInvisible ID = "url-invisible"
	ruleURLCharacter ID = "url-character"
	ruleURLAbsolute  ID = "url-absolute"
	ruleURLPort      ID = "url-port"
	ruleURLUser      ID = "url-user"
	ruleURLHost      ID = "url-host"

	ruleHeadersObject ID = "headers-object"
	ruleHeaderPair    ID = "header-pair"
	ruleHeaderLine    ID = "header-line"
	ruleHeaderOne     ID = "header-one"
	ruleHeaderName    ID = "header-name"
	ruleHeaderString  ID = "header-string"
	ruleHeaderEmpty   ID = "header-empty"
	ruleHeaderControl ID = "header-control"
	ruleHeaderTwice   ID = "header-twice"
	ruleHeadersMore   ID = "headers-more"

	ruleOneCredential     ID = "one-credential" // #nosec G101 -- the name of a rule, as are the marked names below
	ruleCredential        ID = "credential"
	ruleCredentialScheme  ID = "credential-scheme"  // #nosec G101
	ruleCredentialMissing ID = "credential-missing" // #nosec G101
	rulePlaceholder       ID = "placeholder"

	warnBase64       ID = "base64-twice"
	warnUnread       ID = "unread"
	warnFlatUnread   ID = "flat-unread"
	warnFlatEmpty    ID = "flat-empty"
	warnJSONToken    ID = "json-token"
	warnNearField    ID = "near-field"
	warnInert        ID = "inert"
	warnPlaceholder  ID = "header-placeholder"
	warnMoreWarnings ID = "more-warnings"
)

const (
	parse    = targetsfile.RejectParse
	validate = targetsfile.RejectValidate
)

// Rules returns all rules: those that make a Secret unreadable, those that a field breaks, and warnings.
func Rules() []Rule { return slices.Clone(rules[:]) }

// rules is the table. It is never written.
var rules = [...]Rule{
	{ruleKnownKey, "the Secret", parse, "holds no known key", "add the key config with a JSON object, or the keys type and url", false},
	{ruleUTF8, "every key that is read", parse, "must be UTF-8 text", "save it as UTF-8; is it a binary file, or encoded once more?", false},
	{ruleYAML, "JSON", parse, "must be JSON, not YAML", "write a JSON object, or give each field a key of the Secret", false},
	{ruleJSON, "JSON", parse, "must be valid JSON, it breaks at %s", "no comments, no trailing commas, no byte order mark", false},
	{ruleJSONObject, "JSON", parse, "must be a JSON object", "with all its keys between { and }", true},
	{ruleFields, "config, target.json, config.json", parse, "must hold the fields of a target, such as name, type and url", "keys are case-sensitive and stand at the top level", true},
	{ruleTwice, "JSON", parse, "must not hold the same key twice in one object", "remove one", false},
	{ruleSurrogate, "JSON", parse, "must not hold half of a surrogate pair", `write the character itself, or both halves as in \ud83d\ude00`, false},
	{ruleNumber, "JSON", parse, "must not hold a number beyond a double's range", "write it as a string: parsers of other languages refuse the whole file for it", false},
	{ruleDepth, "JSON", parse, "must not nest deeper than 60 levels", "it is hardly a target", false},
	{ruleWritable, "the target", parse, "cannot be written as JSON", "report it: the rules before this one should have found why", false},

	{ruleSecretSize, "the Secret", validate, "must hold at most 1 MiB", "Kubernetes refuses larger Secrets; only a manifest can be larger", false},
	{ruleTargetSize, "the target", validate, "must be at most 256 KiB as a target", "move what publishing does not need out of it", false},
	{ruleEntries, "the Secret, JSON, headers", validate, "must hold at most 1000 entries", "move what publishing does not need out of it", true},
	{ruleRequired, "name, type, url", validate, "is required", "add it; a target needs at least name, type and url", true},
	{ruleString, "name, type, url, format", validate, "must be a string", "put it in quotes", true},
	{ruleName, "name", validate, "must be a DNS-1123 label of at most 63 characters", "use a-z, 0-9 and -, with a letter or digit at both ends", true},
	{ruleType, "type", validate, "must be one of alertmanager, slack, pagerduty, rootly, webhook", "in lower case, without spaces", true},
	{ruleFormat, "format", validate, "must be one of alertmanager, slack, pagerduty, rootly, webhook", "leave it out to get the format of the type", true},
	{ruleSuits, "format", validate, "does not suit type %s", "leave it out to get the format of the type", true},
	{ruleEnabled, "enabled", validate, "must be true or false", "in JSON without quotes; leave it out for true", true},
	{ruleObject, "filter_config", validate, "must be an object", "leave it out for no filter", true},

	{ruleURLSpace, "url", validate, "must not hold spaces or line breaks", "echo adds a line break, printf does not; a space is written %20", true},
	{ruleURLInvisible, "url", validate, "must not hold characters that do not show", "type it anew: a copy brought a control, zero-width or direction character along", true},
	{ruleURLCharacter, "url", validate, "must not hold any of <>\"{}|\\`^", "is it a template that was not filled in? Otherwise write %7C for |, and so on", true},
	{ruleURLAbsolute, "url", validate, "must be an absolute http or https URL", "write it with scheme and host, as in https://host/path", true},
	{ruleURLPort, "url", validate, "must have a port from 1 to 65535, or none", "https is port 443 without one, http 80", true},
	{ruleURLUser, "url", validate, "must not hold user info", "send credentials in a header Authorization", true},
	{ruleURLHost, "url", validate, "must have a host that is an IP address or a name of ASCII letters, digits, -, _ and .", "write other names in punycode, as in xn--bcher-kva.example; an address has no zone", true},

	{ruleHeadersObject, "headers", validate, "must be an object of strings", "leave it out for no headers", true},
	{ruleHeaderPair, "headers, flat", validate, "must be name=value", "a comma begins the next header: for a value with a comma write lines of Name: value", false},
	{ruleHeaderLine, "headers, flat", validate, "must be Name: value", "one header a line, without comments", false},
	{ruleHeaderOne, "headers, flat", validate, "may be several headers in one line", "write one header a line, or a JSON object", false},
	{ruleHeaderName, "headers", validate, "the name must be letters, digits and !#$%&'*+-.^_`|~", "no spaces, no colon", true},
	{ruleHeaderString, "headers", validate, "the value must be a string", "put it in quotes", true},
	{ruleHeaderEmpty, "headers", validate, "the value must not be empty", "set it, or leave the header out", true},
	{ruleHeaderControl, "headers", validate, "the value must not hold line breaks or control characters", "echo adds a line break, printf does not", true},
	{ruleHeaderTwice, "headers", validate, "a header of this name is there already", "HTTP does not tell upper from lower case", false},
	{ruleHeadersMore, "headers", validate, "%s more are broken", "correct the others first", false},

	{ruleOneCredential, "api_key, auth_token, headers", validate, "only one of api_key, auth_token and a header Authorization may be given", "all three are the same header", false},
	{ruleCredential, "api_key, auth_token, header Authorization", validate, "the credential must be visible ASCII characters without white space", "type it anew if it shows none; parameters after a scheme take no space after their commas", true},
	{ruleCredentialScheme, "api_key, auth_token", validate, "must not begin with a scheme", "the header gets Bearer by itself; for another scheme write a header Authorization", false},
	{ruleCredentialMissing, "header Authorization", validate, "must hold a credential after its scheme", "set it, or leave the header out", true},
	{rulePlaceholder, "url, api_key, auth_token, header Authorization", validate, "must be the real value, not %s", "a template or a decryption in front of this Secret did not do its work", true},

	{warnBase64, "config, target.json, config.json", "", "is base64-encoded twice, once is enough", "put the JSON into stringData, or encode it once into data", false},
	{warnUnread, "the Secret", "", "not read beside %s: %s", "a key that has no effect: the first shape present decides", false},
	{warnFlatUnread, "the Secret", "", "keys that are neither read nor passed on: %s", "a key that is no identifier, or no text, is not passed on", false},
	{warnFlatEmpty, "api_key, auth_token", "", "is empty, so it gives no header Authorization", "set it, or leave it out", false},
	{warnJSONToken, "api_key, auth_token in JSON", "", "gives no header in a JSON object and is passed on as it is; write headers.Authorization", "both are flat keys only", false},
	{warnNearField, "other keys", "", "is not the field %s: nothing acts on it, it is passed on as it is", "fields are case-sensitive and have one spelling", false},
	{warnInert, "filters, auth, timeout, retry", "", "nothing acts on it, it is passed on as it is", "filter_config filters, headers authenticate, and the app has its own timeouts", false},
	{warnPlaceholder, "other headers", "", "the value is %s", "a template or a decryption in front of this Secret may not have done its work", false},
	{warnMoreWarnings, "the Secret", "", "%s more warnings", "look at the others first", false},
}

// rule returns the rule of a name.
func (id ID) rule() Rule {
	for i := range rules {
		if rules[i].ID == id {
			return rules[i]
		}
	}
	panic("secret: no rule " + id) // a test looks up every name
}
