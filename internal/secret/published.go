package secret

import (
	"bytes"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// CheckPublished returns the text of a rule that a published target breaks and that every version of [Decode] has had, so that no sidecar can
// have published this target. It returns "" if there is no such rule. Younger rules do not count: what an earlier version accepted is inherited.
func CheckPublished(t *targetsfile.Entry) (rule string) {
	if id := checkPublished(t); id != "" {
		return id.rule().Text
	}
	return ""
}

func checkPublished(t *targetsfile.Entry) ID {
	u, err := url.Parse(t.URL)
	switch {
	case t.Size() > targetsfile.MaxTargetBytes:
		return ruleTargetSize
	case len(t.Headers) > maxEntries || len(t.Extra) > maxEntries:
		return ruleEntries
	case len(validation.IsDNS1123Label(t.Name)) > 0:
		return ruleName
	case !slices.Contains(Types(), t.Type):
		return ruleType
	case !slices.Contains(formatsOf(t.Type), t.PayloadFormat):
		return ruleFormat
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return ruleURLAbsolute
	case !bytes.HasPrefix(t.FilterConfig, []byte("{")):
		return ruleObject
	}
	for name, value := range t.Headers {
		if !httpguts.ValidHeaderFieldName(name) {
			return ruleHeaderName
		}
		if !httpguts.ValidHeaderFieldValue(value) {
			return ruleHeaderControl
		}
	}
	return ""
}

// IsKey reports whether a text has the form namespace/name, with a namespace and a name that a Secret may have.
func IsKey(key string) bool {
	namespace, name, ok := strings.Cut(key, "/")
	return ok && len(validation.IsDNS1123Label(namespace)) == 0 && len(validation.IsDNS1123Subdomain(name)) == 0
}
