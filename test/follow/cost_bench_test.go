package follow_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/alert-history/refresh-sidecar/internal/secret"
	"github.com/alert-history/refresh-sidecar/internal/source"
	targetsync "github.com/alert-history/refresh-sidecar/internal/sync"
	"github.com/alert-history/refresh-sidecar/internal/writer"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

// timed tells when a publication began and ended.
type timed struct {
	targetsync.Publisher
	published func(began, ended time.Time, d *targetsfile.Document)
}

// Publish implements sync.Publisher.
func (p *timed) Publish(d *targetsfile.Document) (int64, error) {
	began := time.Now()
	size, err := p.Publisher.Publish(d)
	if err == nil {
		p.published(began, time.Now(), d)
	}
	return size, err
}

// scripted is a source that says what a benchmark has it say.
type scripted struct {
	secrets []source.Secret
	events  chan source.Event
}

// List implements sync.Source.
func (s *scripted) List(context.Context, string) (source.Listing, error) {
	return source.Listing{ResourceVersion: "1", Secrets: s.secrets}, nil
}

// Watch implements sync.Watcher.
func (s *scripted) Watch(ctx context.Context, _, version string, emit func(source.Event)) error {
	emit(source.Event{Kind: source.Opened, ResourceVersion: version})
	for {
		select {
		case e := <-s.events:
			emit(e)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func scriptedSecret(i, edit int) *secret.Object {
	return &secret.Object{
		ObjectMeta: metav1.ObjectMeta{Namespace: "alerts", Name: nth(i), UID: types.UID(nth(i)), ResourceVersion: strconv.Itoa(edit + 1)},
		Data: map[string][]byte{"type": []byte("webhook"), "url": []byte(editURL(edit)), "headers": []byte("X-Team=sre"),
			"auth_token": []byte(strings.Repeat("t0", 20))},
	}
}

type publication struct{ began, ended time.Time }

// unpaced waits until the pace of publications does not delay the next one any more.
func unpaced(last publication) { <-time.After(25*time.Millisecond + 5*last.ended.Sub(last.began)) }

// BenchmarkPublicationOfAChange takes apart what one change costs after its event has been received: decoding the Secret, entering it and
// merging all, writing the file. The source is no API server: only what this process does is measured.
func BenchmarkPublicationOfAChange(b *testing.B) {
	for _, count := range []int{20, 1_000, 10_000} {
		b.Run(fmt.Sprintf("targets=%d", count), func(b *testing.B) {
			script := &scripted{events: make(chan source.Event)}
			for i := range count {
				script.secrets = append(script.secrets, secret.Decode(scriptedSecret(i, 0)))
			}
			published := make(chan publication, 1)
			s := newSetup(b, "alerts")
			s.dir, s.unchecked, s.Source = sidecar.InMemory(b), true, script
			s.Publisher = &timed{writer.New(s.path(), 0o640), func(began, ended time.Time, _ *targetsfile.Document) {
				published <- publication{began, ended}
			}}
			e := &engine{t: b}
			e.run(s)
			e.untilFollowing()
			unpaced(<-published)
			var decode, merge, write []time.Duration
			edit := 0
			for b.Loop() {
				edit++
				began := time.Now()
				edited := secret.Decode(scriptedSecret(edit*37%count, edit))
				decoded := time.Now()
				script.events <- source.Event{ResourceVersion: edited.ResourceVersion, Secret: edited}
				p := <-published
				decode, merge, write = append(decode, decoded.Sub(began)), append(merge, p.began.Sub(decoded)), append(write, p.ended.Sub(p.began))
				unpaced(publication{began, p.ended})
			}
			b.ReportMetric(0, "ns/op")
			for unit, took := range map[string][]time.Duration{"µs-decode": decode, "µs-merge": merge, "µs-write": write} {
				slices.Sort(took)
				b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1000, unit)
			}
		})
	}
}
