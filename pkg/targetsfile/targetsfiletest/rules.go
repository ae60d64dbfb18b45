package targetsfiletest

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

var (
	dnsLabel    = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)
	headerName  = regexp.MustCompile("^[-!#$%&'*+.^_`|~0-9A-Za-z]+$")
	targetTypes = []string{"slack", "pagerduty", "rootly", "webhook"}
)

// published returns an error that names all the rules by which the sidecar would reject a Secret with this target: a test that passes
// with such a target says nothing about the app.
func published(t targetsfile.Target, size int) error {
	var faults []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	check(dnsLabel.MatchString(t.Name), "name %q must be a DNS-1123 label of at most 63 characters", t.Name)
	check(slices.Contains(targetTypes, t.Type), "type %q must be one of %s", t.Type, strings.Join(targetTypes, ", "))
	check(t.PayloadFormat == t.Type || t.Type == "webhook" && t.PayloadFormat == "alertmanager",
		"format %q does not suit type %q", t.PayloadFormat, t.Type)
	check(isPublishedURL(t.URL), "url must be an absolute http or https URL without user info and spaces")
	folded := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(t.Headers)) {
		value := t.Headers[name]
		check(headerName.MatchString(name), "header %q must be named by letters, digits and -", name)
		check(!folded[strings.ToLower(name)], "header %q is there twice", name)
		check(strings.TrimSpace(value) != "" && !strings.ContainsFunc(value, isControl),
			"the value of header %q must not be empty nor hold control characters", name)
		folded[strings.ToLower(name)] = true
	}
	check(bytes.HasPrefix(bytes.TrimSpace(t.FilterConfig), []byte("{")), "filter_config must be a JSON object")
	check(strings.Count(t.Secret, "/") == 1 && !strings.HasPrefix(t.Secret, "/") && !strings.HasSuffix(t.Secret, "/"),
		"secret %q must be namespace/name", t.Secret)
	check(size <= targetsfile.MaxTargetBytes, "must be at most %d KiB", targetsfile.MaxTargetBytes>>10)
	return errors.Join(faults...)
}

func isPublishedURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil &&
		!strings.ContainsFunc(text, unicode.IsSpace)
}

// isControl reports whether a header's value must not hold c.
func isControl(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }
