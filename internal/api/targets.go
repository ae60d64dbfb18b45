package api

import (
	"errors"
	"net/http"
	"slices"
	"strings"
)

// TargetSource tells what is published. It is called concurrently and must not block.
type TargetSource interface {
	// Targets returns the present publication, the zero one before the first. The slices in it are only read.
	Targets() Publication
}

// Publication is the public part of the snapshot in place.
type Publication struct {
	Epoch      Text
	Generation uint64
	ChangedAt  Time
	Targets    []Target // sorted by name
}

// Target is the public part of a published target. It has no room for the rest, so that nothing secret can reach an answer: the path
// of a Slack URL is a credential.
type Target struct {
	Name            string   `json:"name"`
	Type            string   `json:"type"`
	Format          string   `json:"format"`
	Enabled         bool     `json:"enabled"`
	Host            string   `json:"host"`             // the URL's scheme and host only: https://hooks.slack.com
	HeaderNames     []string `json:"header_names"`     // in any order; nil is as good as empty
	Secret          string   `json:"secret"`           // namespace/name
	ResourceVersion Text     `json:"resource_version"` // of the Secret's content that is published; empty: not known
	StaleSince      Time     `json:"stale_since"`      // since when the Secret yields no target and its last good one is kept; zero: it does
}

// targetsDocument is the answer to what is published.
type targetsDocument struct {
	Epoch      Text     `json:"epoch"`
	Generation uint64   `json:"generation"`
	ChangedAt  Time     `json:"changed_at"`
	Count      int      `json:"count"` // of the targets listed
	Targets    []Target `json:"targets"`
	Instance   string   `json:"instance"`
}

// targetTypes are the types that a target can have.
func targetTypes() []string { return []string{"pagerduty", "rootly", "slack", "webhook"} }

// targets answers what is published, or what of it has the type asked for.
func (h *Handler) targets(x *exchange) {
	kind, err := parseType(x.request.URL.RawQuery)
	if err != nil {
		x.refuse(http.StatusBadRequest, problem{Code: codeInvalidQuery, Message: err.Error()})
		return
	}
	published := h.config.TargetSource.Targets()
	list := make([]Target, 0, len(published.Targets))
	for _, t := range published.Targets {
		if kind == "" || kind == t.Type {
			t.HeaderNames = append([]string{}, t.HeaderNames...)
			slices.Sort(t.HeaderNames)
			list = append(list, t)
		}
	}
	x.answer(http.StatusOK, targetsDocument{
		Epoch: published.Epoch, Generation: published.Generation, ChangedAt: published.ChangedAt,
		Count: len(list), Targets: list, Instance: x.instance,
	})
}

// parseType returns the type that the caller asks for, empty for all.
func parseType(rawQuery string) (string, error) {
	kind, err := onlyParameter(rawQuery, "type")
	if errors.Is(err, errNoParameter) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if !slices.Contains(targetTypes(), kind) {
		return "", errQuery("type must be one of " + strings.Join(targetTypes(), ", "))
	}
	return kind, nil
}
