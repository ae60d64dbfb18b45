package api

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"weak"

	"github.com/alert-history/refresh-sidecar/internal/secret"
	targetsync "github.com/alert-history/refresh-sidecar/internal/sync"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// TargetSource tells what is published. It is called concurrently and must not block.
type TargetSource interface {
	// Published returns the snapshot in place, nil before the first one. It is only read.
	Published() *targetsync.Published
}

// publicTarget is the public part of a published target. It has no room for the rest, so that nothing secret can reach an answer: the path
// of a Slack URL is a credential.
type publicTarget struct {
	Name            string    `json:"name"`
	Type            string    `json:"type"`
	Format          string    `json:"format"`
	Enabled         bool      `json:"enabled"`
	Host            string    `json:"host"`             // scheme and host of the URL: https://hooks.slack.com
	HeaderNames     []string  `json:"header_names"`     // sorted
	Secret          string    `json:"secret"`           // namespace/name
	ResourceVersion text      `json:"resource_version"` // the version of the Secret that is published; empty if it is not known
	StaleSince      timestamp `json:"stale_since"`      // since when the Secret yields no target and its last good one is kept; zero if it yields one
}

func newPublicTarget(t *targetsfile.Target, resourceVersion string) publicTarget {
	return publicTarget{
		Name: t.Name, Type: t.Type, Format: t.PayloadFormat, Enabled: t.Enabled, Host: t.Host(),
		HeaderNames: append([]string{}, slices.Sorted(maps.Keys(t.Headers))...), // never null
		Secret:      t.Secret, ResourceVersion: text(resourceVersion), StaleSince: timestamp{t.StaleSince},
	}
}

// targetsDocument is the answer to what is published.
type targetsDocument struct {
	Epoch      text           `json:"epoch"`
	Generation uint64         `json:"generation"`
	ChangedAt  timestamp      `json:"changed_at"`
	Count      int            `json:"count"` // the number of targets listed
	Targets    []publicTarget `json:"targets"`
	Instance   string         `json:"instance"`
}

// listTargets answers what is published, or what of it has the type asked for.
func (h *Handler) listTargets(x *exchange) {
	kind, err := parseType(x.request.URL.RawQuery)
	if err != nil {
		x.refuse(http.StatusBadRequest, problem{Code: codeInvalidQuery, Message: err.Error()})
		return
	}
	published := h.config.Engine.Published()
	x.send(http.StatusOK, "application/json", h.targets.of(published, kind, func() []byte {
		return mustEncode(newTargetsDocument(published, kind, x.instance))
	}))
}

func newTargetsDocument(published *targetsync.Published, kind, instance string) targetsDocument {
	d := targetsDocument{Targets: []publicTarget{}, Instance: instance}
	if published != nil {
		entries := published.Document.Entries // sorted by name
		d.Epoch, d.Generation = text(published.Document.Epoch), published.Document.Generation
		d.ChangedAt, d.Targets = timestamp{published.Document.ChangedAt}, make([]publicTarget, 0, len(entries))
		for i, entry := range entries {
			if kind == "" || kind == entry.Type {
				d.Targets = append(d.Targets, newPublicTarget(&entry.Target, published.Versions[i]))
			}
		}
	}
	d.Count = len(d.Targets)
	return d
}

// encodedTargets are the answers about one publication. Each is encoded when it is first asked for, and all who ask read the same bytes.
type encodedTargets struct {
	mu        sync.Mutex
	published weak.Pointer[targetsync.Published] // whose answers these are; weak, as one that was replaced is not to be kept for them
	byType    map[string][]byte
}

// of returns the answer about a publication for a type, empty for all. What it returns is only read.
func (e *encodedTargets) of(published *targetsync.Published, kind string, encode func() []byte) []byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	if key := weak.Make(published); e.byType == nil || e.published != key {
		e.published, e.byType = key, make(map[string][]byte)
	}
	encoded, ok := e.byType[kind]
	if !ok {
		encoded = encode()
		e.byType[kind] = encoded
	}
	return encoded
}

// parseType returns the type that the caller asks for, empty for all.
func parseType(rawQuery string) (string, error) {
	kind, given, err := onlyParameter(rawQuery, "type")
	if err != nil || !given {
		return "", err
	}
	if !slices.Contains(secret.Types(), kind) {
		return "", errQuery("type must be one of " + strings.Join(slices.Sorted(slices.Values(secret.Types())), ", "))
	}
	return kind, nil
}
