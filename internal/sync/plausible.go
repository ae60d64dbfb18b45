package sync

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/alert-history/refresh-sidecar/internal/secret"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

const (
	// maxGeneration is the largest number that every language's JSON numbers hold, and far more than there are publications in a life.
	maxGeneration = 1<<53 - 1
	// clockStep is how far ahead of the present an earlier process's clock may have been.
	clockStep = 24 * time.Hour
	// maxMessage is how long the message of a rejection may be: several times as long as the longest there is.
	maxMessage = 16 << 10
)

// checkPlausible returns why a document cannot be one that a sidecar of this source has published, nil if it may be. What is inherited is
// republished, so that whoever writes one file would otherwise have it in every later one. Errors quote nothing of the document.
func checkPlausible(d *targetsfile.Document, origin targetsfile.Source, now time.Time) error {
	if id, err := uuid.Parse(d.Epoch); err != nil || id.String() != d.Epoch {
		return errors.New("the epoch is no UUID")
	}
	if d.Generation > maxGeneration {
		return errors.New("the generation is beyond 2^53")
	}
	latest := now.Add(clockStep)
	for _, at := range []time.Time{d.ChangedAt, d.RefreshedAt} {
		if at.Year() < 2000 || at.After(latest) {
			return errors.New("a time is in the future, or before the year 2000")
		}
	}
	if d.StaleAfter.Before(d.RefreshedAt) {
		return errors.New("stale_after is before refreshed_at")
	}
	if err := checkEntries(d.Entries, origin, latest); err != nil {
		return err
	}
	if err := checkRejections(d.Rejections, origin); err != nil {
		return err
	}
	if d.Valid != len(d.Entries)-countKept(d) || d.Invalid < len(d.Rejections) || d.Discovered-d.Valid != d.Invalid {
		return errors.New("the counts do not fit the targets")
	}
	return nil
}

func checkEntries(entries []*targetsfile.Entry, origin targetsfile.Source, latest time.Time) error {
	for i, e := range entries {
		switch rule := secret.CheckPublished(e); {
		case rule != "":
			return fmt.Errorf("target %d: %s", i+1, rule)
		case !secret.IsKey(e.Secret) || !isOf(origin, e.Secret):
			return fmt.Errorf("target %d: no Secret of this source yields it", i+1)
		case e.StaleSince.After(latest):
			return fmt.Errorf("target %d: stale_since is in the future", i+1)
		}
	}
	return nil
}

func checkRejections(rejections []targetsfile.Rejection, origin targetsfile.Source) error {
	if len(rejections) > targetsfile.MaxRejections {
		return fmt.Errorf("more than %d rejections are listed", targetsfile.MaxRejections)
	}
	for i, r := range rejections {
		switch {
		case !slices.Contains([]string{targetsfile.RejectParse, targetsfile.RejectValidate, targetsfile.RejectDuplicate}, r.Reason):
			return fmt.Errorf("rejection %d: the reason is unknown", i+1)
		case r.Serving != targetsfile.ServingLastGood && r.Serving != targetsfile.ServingNothing:
			return fmt.Errorf("rejection %d: what is served is unknown", i+1)
		case len(r.Message) > maxMessage:
			return fmt.Errorf("rejection %d: the message is too long", i+1)
		case origin.Kind == targetsfile.SourceKubernetes && !secret.IsKey(r.Secret) || !isOf(origin, r.Secret):
			return fmt.Errorf("rejection %d: it is of no Secret of this source", i+1)
		}
	}
	return nil
}

// isOf reports whether a Secret is of one of the source's namespaces. Manifests may name any.
func isOf(origin targetsfile.Source, key string) bool {
	return len(origin.Namespaces) == 0 || slices.Contains(origin.Namespaces, namespaceOf(key))
}
