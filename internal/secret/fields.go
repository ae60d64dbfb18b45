package secret

import (
	"slices"

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

// Types of targets and formats of what is sent to them.
const (
	slack        = "slack"
	pagerduty    = "pagerduty"
	rootly       = "rootly"
	webhook      = "webhook"
	alertmanager = "alertmanager"
)

// Types returns the types that a target can have.
func Types() []string { return []string{slack, pagerduty, rootly, webhook} }

// formatsOf returns the formats that suit a type as a Secret names it, the default first; a type that does not
// exist has none.
func formatsOf(typ string) []string {
	switch typ {
	case slack, pagerduty, rootly, alertmanager:
		return []string{typ}
	case webhook:
		return []string{webhook, alertmanager}
	}
	return nil
}

func (d *draft) setName(name string) {
	if len(validation.IsDNS1123Label(name)) > 0 {
		d.reject(ruleName, fieldName)
		return
	}
	d.target.Name = name
}

// setType takes the type alertmanager for what people mean by it: a webhook that is sent what Alertmanager would send.
func (d *draft) setType(typ string) {
	if formatsOf(typ) == nil {
		d.reject(ruleType, fieldType)
		return
	}
	d.typ, d.target.Type = typ, typ
	if typ == alertmanager {
		d.target.Type = webhook
	}
}

func (d *draft) setFormat(format string) {
	if !slices.Contains([]string{alertmanager, slack, pagerduty, rootly, webhook}, format) {
		d.reject(ruleFormat, fieldFormat)
		return
	}
	d.target.PayloadFormat = format
}

// completeFormat gives the target the format of its type, or checks that the one given suits it.
func (d *draft) completeFormat() {
	formats := formatsOf(d.typ)
	switch {
	case formats == nil: // the type is broken, and reported already
	case !slices.Contains(d.given, fieldFormat):
		d.target.PayloadFormat = formats[0]
	case d.target.PayloadFormat != "" && !slices.Contains(formats, d.target.PayloadFormat):
		d.reject(ruleSuits, fieldFormat, d.typ)
	}
}
