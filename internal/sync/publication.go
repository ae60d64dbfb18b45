package sync

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/rs/zerolog"

	"github.com/alert-history/refresh-sidecar/internal/secret"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

const (
	// A burst of changes is published in a few documents: a reader has to load each, and so has time to.
	paceLeast = 20 * time.Millisecond // between the end of a publication and the next one after changes
	paceShare = 4                     // times the duration of the last publication, if that is longer
)

// publications are the writes of the snapshot. At most one runs.
type publications struct {
	epoch    string
	inPlace  *inPlace         // nil while no document of this source is at the path
	missing  bool             // somebody removed or replaced the document, and it could not be put back yet
	writing  *publication     // the write that runs; nil if none does
	ended    chan publication // takes each write that has ended
	tampered bool             // the last write found another document in place

	other *otherSnapshot // the snapshot with targets that other flags left; nil: none, or the present flags have found a target since

	failed   *failedWrite // nil if the last write succeeded
	again    *time.Timer  // fires when the failed write is tried again
	withheld *withheld    // nil if what was merged last is in place, or being written

	lastCompleteList time.Time // end of the last LIST in which every namespace answered and whose result may be published; zero before the first
	pending          int       // number of events that changed the catalogue since the last merge
	paced            *time.Timer
	pacedUntil       time.Time // when the next publication after changes may start; paced fires then
	lastOfChanges    span      // the last publication after changes
}

// otherSnapshot is a snapshot that was in place at the start and is of another source.
type otherSnapshot struct {
	source  targetsfile.Source
	targets int
}

// inPlace is the document at the path.
type inPlace struct {
	Published
	bytes       int64       // size of the file
	rejections  []rejection // all rejections, of which the document lists the first
	kept        int         // number of last good targets in the document
	lastRefresh time.Time   // end of the last successful refresh, which may be an earlier process's
}

// publication is one write of the snapshot.
type publication struct {
	log        zerolog.Logger
	begun      time.Time // beginning of the merge
	events     int       // number of events that the document brings
	document   *targetsfile.Document
	versions   []string    // see merged
	rejections []rejection // see merged
	refresh    *attempt    // the refresh that this write completes; nil after events, and for a failed write that is tried again
	again      bool        // a failed write is tried again
	check      bool        // the document is the one in place, and is written only if it is gone from there
	intact     bool        // the document published last was in place before this write
	foreign    bool        // another file was in place before this write
	size       int64
	failure    *failure
}

// failedWrite is a write that is tried again, on a timer of its own and without another LIST.
type failedWrite struct {
	log     zerolog.Logger
	refresh *attempt // the refresh that failed only in this write; nil if it failed in more, or there was none
	times   int      // number of tries that failed
}

// withheld is what was merged last and is not in place: the guard refused it, or it could not be written.
type withheld struct {
	counts  counts
	failure *failure // why changes are withheld; nil if an attempt tells its own failure
	after   *attempt // the attempt that had ended last when changes were withheld
}

// span is when something ended and how long it took.
type span struct {
	ended time.Time
	took  time.Duration
}

func newPublications() publications {
	return publications{epoch: uuid.NewString(), ended: make(chan publication), again: idleTimer(), paced: idleTimer()}
}

// inherit continues the document that an earlier process left, so that a restart of the container is not to be seen.
func (p *publications) inherit(d *targetsfile.Document, bytes int64) {
	p.epoch = d.Epoch
	p.inPlace = &inPlace{
		Published: Published{Document: d, Versions: make([]string, len(d.Entries))},
		bytes:     bytes, rejections: carriedRejections(d), kept: countKept(d), lastRefresh: d.RefreshedAt,
	}
}

// take makes a document that was written the one in place.
func (p *publications) take(w publication) {
	place := &inPlace{
		Published: Published{Document: w.document, Versions: w.versions},
		bytes:     w.size, rejections: w.rejections, kept: countKept(w.document), lastRefresh: p.lastCompleteList,
	}
	if p.inPlace != nil && place.lastRefresh.Before(p.inPlace.lastRefresh) {
		place.lastRefresh = p.inPlace.lastRefresh
	}
	if w.check { // it is what was in place before
		place.lastRefresh = p.inPlace.lastRefresh
	} else {
		p.withheld = nil
	}
	p.inPlace, p.missing, p.epoch = place, false, w.document.Epoch
}

// confirm takes in that what was merged equals the document in place, but for versions of Secrets, and rejections that it does not list.
func (p *publications) confirm(m merged) {
	place := *p.inPlace
	place.Versions, place.rejections = m.versions, m.rejections
	p.inPlace, p.withheld = &place, nil
}

// withhold takes in that what was merged is not in place.
func (p *publications) withhold(c counts, ofChanges *failure, after *attempt) {
	p.withheld = &withheld{counts: c, failure: ofChanges, after: after}
}

// refusal returns why the last changes are not in place, nil if they are, or if an attempt has ended since.
func (p *publications) refusal(last *attempt) *failure {
	if p.withheld == nil || p.withheld.after != last {
		return nil
	}
	return p.withheld.failure
}

// pace lets the next publication after changes start no sooner than a while after now.
func (p *publications) pace(least, took time.Duration) {
	p.pacedUntil = time.Now().Add(max(least, paceShare*took))
}

// forgetFailedWrite stops trying: a later write has the same news.
func (p *publications) forgetFailedWrite() {
	p.failed = nil
	p.again.Stop()
}

// stop starts no write any more.
func (p *publications) stop() {
	p.again.Stop()
	p.paced.Stop()
}

// carriedRejections are those that a document lists. It lists at most targetsfile.MaxRejections: until the first LIST the metric may be
// too low.
func carriedRejections(d *targetsfile.Document) []rejection {
	out := make([]rejection, len(d.Rejections))
	for i, r := range d.Rejections {
		out[i] = rejection{Rejection: r, carried: true}
	}
	return out
}

func countKept(d *targetsfile.Document) (kept int) {
	for _, e := range d.Entries {
		if !e.StaleSince.IsZero() {
			kept++
		}
	}
	return kept
}

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
