package core

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Publisher posts alerts to the enabled targets.
type Publisher struct {
	targets Discovery
	client  *http.Client
}

// NewPublisher returns a publisher to these targets.
func NewPublisher(targets Discovery) *Publisher {
	return &Publisher{targets: targets, client: &http.Client{Timeout: 10 * time.Second}}
}

// Publish posts an alert to each enabled target and returns to how many it was posted.
func (p *Publisher) Publish(ctx context.Context, alert []byte) (published int, err error) {
	for _, target := range p.targets.ListTargets() {
		if !target.Enabled {
			continue
		}
		if err := p.post(ctx, target, alert); err != nil {
			return published, fmt.Errorf("publishing to %s: %w", target.Name, err)
		}
		published++
	}
	return published, nil
}

func (p *Publisher) post(ctx context.Context, target *PublishingTarget, alert []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target.URL, bytes.NewReader(alert))
	if err != nil {
		return errors.New("the URL is not valid")
	}
	for name, value := range target.Headers {
		request.Header.Set(name, value)
	}
	response, err := p.client.Do(request)
	if err != nil {
		var quoting *url.Error
		if errors.As(err, &quoting) {
			err = quoting.Err // the URL may be a credential
		}
		return err
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, response.Body) // so that the connection is used again
	if response.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("answered %s", response.Status)
	}
	return nil
}
