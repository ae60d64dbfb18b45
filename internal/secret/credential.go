package secret

import (
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// Flat keys that are not fields of a target: each of the two gives the header Authorization.
const (
	keyAPIKey    = "api_key"
	keyAuthToken = "auth_token"
)

const authorization = "Authorization"

// checkAuthorization returns the rule that the value of a header Authorization breaks: a credential, after a scheme or without one.
func checkAuthorization(value string) (broken ID, details []any) {
	value = strings.Trim(value, " \t")
	if left := placeholderInCredential(value); left != "" {
		return rulePlaceholder, []any{left}
	}
	scheme, credential := cutScheme(value)
	switch {
	case scheme == "" && isScheme(credential):
		return ruleCredentialMissing, nil
	case !isVisible(credential):
		return ruleCredential, nil
	}
	return "", nil
}

// checkToken returns the rule that the value of api_key or auth_token breaks. The header gets the scheme Bearer, whatever the value begins
// with.
func checkToken(value string) (broken ID, details []any) {
	if left := placeholderInCredential(value); left != "" {
		return rulePlaceholder, []any{left}
	}
	scheme, credential := cutScheme(value)
	switch {
	case isScheme(scheme), scheme == "" && isScheme(credential):
		return ruleCredentialScheme, nil
	case !isVisible(value):
		return ruleCredential, nil
	}
	return "", nil
}

// cutScheme splits the value of a header Authorization as RFC 9110 section 11.4 has it: a word, spaces, the credential. A value without a
// space is the credential.
func cutScheme(value string) (scheme, credential string) {
	word, rest, ok := strings.Cut(value, " ")
	if !ok || !httpguts.ValidHeaderFieldName(word) {
		return "", value
	}
	return word, strings.TrimLeft(rest, " ")
}

// isScheme reports whether a word is a scheme in wide use, and so no credential.
func isScheme(word string) bool {
	const longest = 8
	known := []string{"bearer", "basic", "token", "digest", "apikey", "api-key", "geniekey", "splunk"}
	return len(word) <= longest && slices.Contains(known, strings.ToLower(word))
}

// isVisible reports whether text is visible ASCII without white space.
func isVisible(text string) bool {
	return !strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || '~' < c })
}
