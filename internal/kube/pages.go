package kube

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/klog/v2"
)

const maxRestarts = 3

// pageLimits are how many Secrets a page may have: as many as kubectl asks for, and fewer for Secrets so large that such a page is over
// maxPage. Of the largest that etcd takes by default, 1.5 MiB with annotations and managed fields, four fit.
func pageLimits() []int { return []int{500, 50, 4} }

// pager reads one list page by page.
type pager struct {
	k         *Source
	namespace string
	limits    []int  // of the next page, and of what follows one that is over maxPage
	token     string // where the next page begins; empty: the first
}

// eachPage passes the pages of one list to visit, in order, and returns their common resourceVersion. A page is not used after
// visit has returned. When first is true again, the list was begun anew, and what was visited before does not count.
//
// A list expires (410) when reading it takes longer than the API server keeps its moment, five minutes by default.
func (k *Source) eachPage(ctx context.Context, namespace string, visit func(first bool, page []corev1.Secret)) (string, error) {
	p := pager{k: k, namespace: namespace, limits: pageLimits()}
	for restarts := 0; ; restarts++ {
		version, err := p.readAll(ctx, visit)
		expired := p.token != "" && (apierrors.IsResourceExpired(err) || apierrors.IsGone(err))
		if !expired || restarts == maxRestarts {
			return version, err
		}
	}
}

// readAll reads one list from its beginning to its end.
func (p *pager) readAll(ctx context.Context, visit func(first bool, page []corev1.Secret)) (string, error) {
	p.token = ""
	version := ""
	for {
		page, err := p.next(ctx)
		if err != nil {
			return "", err
		}
		first := p.token == ""
		switch {
		case page.ResourceVersion == "":
			return "", p.reject("the answer is a list without a resourceVersion")
		case !first && page.ResourceVersion != version:
			return "", p.reject("the pages of one list have different resourceVersions")
		case !first && page.Continue == p.token:
			return "", p.reject("the server returned the same continue token twice")
		}
		visit(first, page.Items)
		if page.Continue == "" {
			return page.ResourceVersion, nil
		}
		version, p.token = page.ResourceVersion, page.Continue
	}
}

func (p *pager) reject(why foreignAnswer) error {
	return classify(why, call{"list", p.namespace, answer{}})
}

// next reads one page. From the first that is over the cap on, the rest of the list is read in smaller pages: Secrets of one kind are
// of one size, and to try again with large ones could cost maxPage of traffic for every few Secrets. The next list starts large.
func (p *pager) next(ctx context.Context) (*corev1.SecretList, error) {
	for {
		page, err := p.fetch(ctx)
		if _, over := errors.AsType[*http.MaxBytesError](err); !over || len(p.limits) == 1 {
			return page, err
		}
		p.limits = p.limits[1:]
	}
}

// fetch asks for one page, once. resourceVersion is left unset: the list is then consistent with all writes before it.
func (p *pager) fetch(ctx context.Context) (*corev1.SecretList, error) {
	ctx, answer := withAnswer(quiet(ctx))
	req := p.k.client.Get().MaxRetries(0).
		Namespace(p.namespace).Resource("secrets").
		Param("labelSelector", p.k.selector).Param("limit", strconv.Itoa(p.limits[0]))
	if p.token != "" {
		req.Param("continue", p.token)
	}
	result := req.Do(ctx)
	if err := result.Error(); err != nil {
		return nil, classify(withEnd(ctx, err), call{"list", p.namespace, *answer})
	}
	// Get, not Into: Into takes a JSON object without a kind, such as {}, for what it is asked to decode.
	obj, err := result.Get()
	if page, ok := obj.(*corev1.SecretList); ok && err == nil {
		return page, nil
	}
	if _, ok := errors.AsType[*apierrors.StatusError](err); !ok {
		// The decoder's error is dropped, not wrapped: it can hold the whole body.
		err = foreignAnswer("the answer is not a list of Secrets")
	}
	return nil, classify(err, call{"list", p.namespace, *answer})
}

// quiet keeps client-go from logging about a request: it prints whole bodies at verbosity 8, and an error for each page that is cut.
func quiet(ctx context.Context) context.Context { return klog.NewContext(ctx, klog.New(nil)) }

// withEnd puts the end of ctx, if it has come, in front of the error that it led to, which may say something else: a dial that
// is cut off reports an I/O timeout, and a context's cause can be anything.
func withEnd(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return fmt.Errorf("%w: %w", ctx.Err(), err)
}
