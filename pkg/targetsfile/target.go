package targetsfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"time"
)

// Target is one place that alerts are published to. It is an immutable value: treat its maps and slices as read-only, they are
// shared with the snapshot it came from.
//
// A Target holds credentials (a Slack URL's path, an Authorization header). Printing one with fmt, log/slog or encoding/json,
// alone or nested in other values, shows its public parts only; values are reached by field. Beyond its reach are the verbs %p and
// %w, for which fmt asks no method of a value that is neither pointer nor error; a Target in an unexported field of another type; and,
// within a slice or a map, a pointer to another type that holds a Target by value, printed with a verb that suits no pointer, such as
// %s (with %v it is safe): fmt then asks no methods at all. go vet reports the verbs.
type Target struct {
	Name string `json:"name"` // unique in a snapshot, a DNS-1123 label
	Type string `json:"type"` // slack, pagerduty, rootly or webhook
	URL  string `json:"url"`  // absolute, http or https; secret but for scheme and host
	// PayloadFormat is alertmanager, slack, pagerduty, rootly or webhook. It is "format" in the file; here that name belongs to
	// the method of fmt.Formatter, which keeps values out of logs.
	PayloadFormat string                     `json:"format"`
	Enabled       bool                       `json:"enabled"`              // false: nothing is to be published to it, though it is in all lists
	Headers       map[string]string          `json:"headers"`              // HTTP headers to send; values are secret
	FilterConfig  json.RawMessage            `json:"filter_config"`        // a JSON object, numbers and key order as in the Secret
	Extra         map[string]json.RawMessage `json:"extra,omitempty"`      // keys of the Secret that have no field here, spelled as there; may be secret
	Secret        string                     `json:"secret"`               // namespace/name of the Secret it comes from
	SecretUID     string                     `json:"secret_uid,omitempty"` // empty for a target read from a manifest
	StaleSince    time.Time                  `json:"stale_since,omitzero"` // when its Secret stopped yielding it; zero: the Secret still does
}

// wireTarget is Target without the methods that hide values: the form that is encoded to the file and decoded from it.
type wireTarget Target

// Host returns the public part of the URL, scheme and host, such as "https://hooks.slack.com".
func (t Target) Host() string {
	if public, ok := publicURL(t.URL); ok {
		return public
	}
	return "invalid"
}

// Equal reports whether an alert published to t goes where, and as, one published to o does: whether all their fields but Secret, SecretUID
// and StaleSince are the same. Those three say where a target comes from, and whether that still yields it.
func (t Target) Equal(o Target) bool { return t.equal(&o) }

func (t *Target) equal(o *Target) bool {
	return t.Name == o.Name && t.Type == o.Type && t.URL == o.URL && t.PayloadFormat == o.PayloadFormat && t.Enabled == o.Enabled &&
		maps.Equal(t.Headers, o.Headers) && bytes.Equal(t.FilterConfig, o.FilterConfig) &&
		maps.EqualFunc(t.Extra, o.Extra, func(x, y json.RawMessage) bool { return bytes.Equal(x, y) })
}

// Format implements [fmt.Formatter]: every verb prints the public parts.
func (t Target) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, t.String()) }

// String describes the target by its public parts.
func (t Target) String() string {
	return fmt.Sprintf("target %s (%s, %s, enabled=%t)", t.Name, t.Type, t.Host(), t.Enabled)
}

// LogValue implements [slog.LogValuer] with the public parts.
func (t Target) LogValue() slog.Value {
	return slog.GroupValue(slog.String("name", t.Name), slog.String("type", t.Type),
		slog.String("host", t.Host()), slog.Bool("enabled", t.Enabled))
}

// MarshalJSON encodes the public parts: JSON loggers call it on values nested in others. The file is not written through it.
func (t Target) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Name    string `json:"name"`
		Type    string `json:"type"`
		Host    string `json:"host"`
		Enabled bool   `json:"enabled"`
	}{t.Name, t.Type, t.Host(), t.Enabled})
}
