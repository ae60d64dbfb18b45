package secret

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"k8s.io/apimachinery/pkg/util/validation"
)

// Fields of a target, as JSON and as flat keys name them.
const (
	fieldName         = "name"
	fieldType         = "type"
	fieldURL          = "url"
	fieldFormat       = "format"
	fieldEnabled      = "enabled"
	fieldHeaders      = "headers"
	fieldFilterConfig = "filter_config"
)

// Types returns the types of targets that there are.
func Types() []string { return []string{slack, pagerduty, rootly, webhook} }

// Types of targets and formats of what is sent to them.
const (
	slack        = "slack"
	pagerduty    = "pagerduty"
	rootly       = "rootly"
	webhook      = "webhook"
	alertmanager = "alertmanager"
)

func (d *draft) setName(name string) {
	if len(validation.IsDNS1123Label(name)) > 0 {
		d.reject(fieldName, "must be a DNS-1123 label of at most 63 characters",
			"use a-z, 0-9 and -, with a letter or digit at both ends")
		return
	}
	d.target.Name = name
}

func (d *draft) setType(typ string) {
	if !slices.Contains(Types(), typ) {
		d.reject(fieldType, "must be one of slack, pagerduty, rootly, webhook", "in lower case, without spaces")
		return
	}
	d.target.Type = typ
}

func (d *draft) setFormat(format string) {
	if !slices.Contains([]string{alertmanager, slack, pagerduty, rootly, webhook}, format) {
		d.reject(fieldFormat, "must be one of alertmanager, slack, pagerduty, rootly, webhook", "leave it out to get the format of the type")
		return
	}
	d.target.PayloadFormat = format
}

// suits reports whether targets of a type understand a format.
func suits(format, typ string) bool {
	return format == typ || typ == webhook && format == alertmanager
}

func formatsOf(typ string) string {
	if typ == webhook {
		return "alertmanager or webhook"
	}
	return typ
}

func (d *draft) setURL(text string) {
	if strings.ContainsFunc(text, unicode.IsSpace) {
		d.reject(fieldURL, "must not hold spaces or line breaks", "echo adds a line break, printf does not; a space is written %20")
		return
	}
	u, err := url.Parse(text) // its error quotes the URL
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		d.reject(fieldURL, "must be an absolute http or https URL", "write it with scheme and host, as in https://host/path")
	case !isPort(u.Port()):
		d.reject(fieldURL, "must have a port from 1 to 65535, or none", "https is port 443 without one, http 80")
	case u.User != nil:
		d.reject(fieldURL, "must not hold user info", "send credentials in a header Authorization")
	default:
		d.target.URL = text
	}
}

// isPort reports whether a port that url.Parse takes, any number of digits, is one that can be dialled. None is.
func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return text == "" || err == nil && n > 0
}
