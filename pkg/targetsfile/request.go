package targetsfile

import (
	"context"
	"fmt"
	"io"
	"net/http"
)

// NewRequest returns a request to the target, with its URL and its headers; a header Host becomes the request's Host. The body's format
// and its Content-Type, where Headers has none, are the caller's business. Its error holds nothing secret. That of the http.Client
// which sends the request does, until [RedactError] has seen it, and so does the request itself: print neither.
//
// A client that follows redirects sends the URL on as Referer, and headers other than Authorization and Cookie to any host: give it a
// CheckRedirect that returns [http.ErrUseLastResponse].
func (t Target) NewRequest(ctx context.Context, method string, body io.Reader) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, method, t.URL, body)
	if err != nil {
		return nil, fmt.Errorf("making a request to target %s: %w", t.Name, RedactError(err))
	}
	for name, value := range t.Headers {
		if http.CanonicalHeaderKey(name) == "Host" { // net/http sends the request's Host and ignores a header Host
			request.Host = value
			continue
		}
		request.Header.Set(name, value)
	}
	return request, nil
}
