package kube

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

const (
	maxRestarts = 3 // of one list, each time because it expired
	// maxPage is how many bytes of one page are read. client-go reads an answer whole, and protobuf copies it before a Secret is decoded:
	// with this cap and the GOMEMLIMIT of deploy/pod-example.yaml 60 Secrets of 1 MiB fit its limit of 64 MiB (docs/reliability.md has the
	// figure), with one of 32 MiB they were seen to need 109 MB.
	maxPage = 8 << 20
	// maxAhead is how many bytes of Secrets a page may have for the next one to be asked for before it is decoded. So much, and what decoding
	// one of its Secrets takes, is in memory beside a page of maxPage.
	maxAhead = 1 << 20
	// smallestPage is how many Secrets fit maxPage, however large each is: etcd takes 1.5 MiB by default, with annotations and managed fields.
	smallestPage = 4
)

// notAsked is what is said of a Secret of another namespace, without a name, or without the label.
const notAsked = "the answer holds a Secret that was not asked for"

// pageLimits are how many Secrets a page may have: as many as kubectl asks for, and fewer for Secrets so large that such a page is over
// maxPage.
func pageLimits() []int { return []int{500, 50, smallestPage} }

// pager reads one list page by page.
type pager struct {
	k         *Source
	namespace string
	limits    []int  // Secrets per page: now, and in the pages that follow one over maxPage
	token     string // continue token of the next page; empty: the first
}

// eachPage passes the Secrets of one list to now, in order, and returns their common resourceVersion.
//
// A list expires (410) when reading it takes longer than the API server keeps its moment, five minutes by default. It is begun anew then.
func (k *Source) eachPage(ctx context.Context, namespace string, now *list) (string, error) {
	p := pager{k: k, namespace: namespace, limits: pageLimits()}
	for restarts := 0; ; restarts++ {
		version, err := p.readAll(ctx, now)
		expired := p.token != "" && (apierrors.IsResourceExpired(err) || apierrors.IsGone(err))
		if !expired || restarts == maxRestarts {
			return version, err
		}
	}
}

// readAll reads one list from its beginning to its end.
func (p *pager) readAll(ctx context.Context, now *list) (string, error) {
	p.token = ""
	page, err := p.next(ctx, "")
	if err != nil {
		return "", err
	}
	now.begin(len(page.Items))
	for page.Continue != "" {
		p.token = page.Continue
		if page, err = p.decodeAndNext(ctx, now, page); err != nil {
			return "", err
		}
	}
	return page.ResourceVersion, p.decode(now, page)
}

// decodeAndNext decodes the Secrets of a page and returns the page after it, which is on its way meanwhile if the page is small.
func (p *pager) decodeAndNext(ctx context.Context, now *list, here *page) (*page, error) {
	ctx, cancel := context.WithCancel(ctx)
	var ahead sync.WaitGroup
	defer ahead.Wait()
	defer cancel()
	version := here.ResourceVersion // so that a page that is decoded is not kept while the next one is received
	next := sync.OnceValues(func() (*page, error) { return p.next(ctx, version) })
	if here.size() <= maxAhead {
		ahead.Go(func() {
			defer func() { _ = recover() }() // next panics again below
			_, _ = next()
		})
	}
	if err := p.decode(now, here); err != nil {
		return nil, err
	}
	return next()
}

// decode decodes the Secrets of a page.
func (p *pager) decode(now *list, here *page) error {
	for i := range here.Items {
		if why := now.add(&here.Items[i]); why != "" {
			return callList(p.namespace).Reject(why)
		}
	}
	return nil
}

// doubt returns what speaks against a page being the next of the list, empty if nothing does. The version is that of the pages before; empty:
// there are none.
func (p *pager) doubt(page *page, version string) string {
	switch {
	case page.ResourceVersion == "":
		return "the answer is a list without a resourceVersion"
	case version != "" && page.ResourceVersion != version:
		return "the pages of one list have different resourceVersions"
	case version != "" && page.Continue == p.token:
		return "the server returned the same continue token twice"
	}
	return ""
}

// next reads the next page of the list at a version, which is empty for the first page. From the first page over maxPage on, the rest of the
// list is read in smaller ones: Secrets of one kind are of one size, and to try again with large pages could cost maxPage of traffic for
// every few Secrets. The next list starts large.
func (p *pager) next(ctx context.Context, version string) (*page, error) {
	for {
		page, err := p.fetch(ctx)
		if err == nil {
			if why := p.doubt(page, version); why != "" {
				return nil, callList(p.namespace).Reject(why)
			}
			return page, nil
		}
		if _, over := errors.AsType[*http.MaxBytesError](err); !over || len(p.limits) == 1 {
			return nil, err
		}
		p.limits = p.limits[1:]
	}
}

// fetch asks for one page, once. resourceVersion is left unset: the list is then consistent with all writes before it.
func (p *pager) fetch(ctx context.Context) (*page, error) {
	req := p.k.client.request(http.MethodGet).Namespace(p.namespace).Resource("secrets").
		Param("labelSelector", p.k.selector).Param("limit", strconv.Itoa(p.limits[0]))
	if p.token != "" {
		req.Param("continue", p.token)
	}
	return ask[*page](ctx, req, callList(p.namespace))
}
