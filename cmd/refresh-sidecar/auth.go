package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"k8s.io/client-go/rest"

	"github.com/alert-history/refresh-sidecar/internal/api"
	"github.com/alert-history/refresh-sidecar/internal/kubeauth"
	secretsource "github.com/alert-history/refresh-sidecar/internal/source"
)

// Values of --auth.
const (
	authNone       = "none"
	authToken      = "token" // #nosec G101 -- the name of a method
	authKubernetes = "kubernetes"
)

// newAuthorizer returns who decides on callers, or nil if everybody may call.
func (s *sidecar) newAuthorizer() (api.Authorizer, error) {
	switch s.flags.Auth {
	case authToken:
		tokens, err := api.NewTokenFile(s.flags.AuthTokenFile, s.log)
		if err != nil {
			return nil, err
		}
		return tokens, tokens.Register(s.registry)
	case authKubernetes:
		return s.newClusterAuthorizer(s.source.rest)
	}
	return nil, nil
}

func (s *sidecar) newClusterAuthorizer(config *rest.Config) (api.Authorizer, error) {
	reviewer, err := kubeauth.New(kubeauth.Config{REST: config, UserAgent: userAgent()})
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, reviewer.Close)
	return clusterAuthorizer{reviewer}, nil
}

// clusterAuthorizer lets the API server decide.
type clusterAuthorizer struct{ reviewer *kubeauth.Reviewer }

// Authorize implements [api.Authorizer]. RBAC's verbs for non-resource URLs are HTTP methods in lower case.
func (c clusterAuthorizer) Authorize(ctx context.Context, caller api.Credentials) (string, error) {
	user, err := c.reviewer.Review(ctx, kubeauth.Question{
		Token: caller.Token, Verb: strings.ToLower(caller.Method), Path: caller.Path, Address: caller.Address,
	})
	switch {
	case errors.Is(err, kubeauth.ErrUnknownToken):
		return "", fmt.Errorf("%w: %w", api.ErrUnauthenticated, err)
	case errors.Is(err, kubeauth.ErrNotAllowed):
		return user, fmt.Errorf("%w: %w", api.ErrForbidden, err)
	case errors.Is(err, kubeauth.ErrTooManyStrangers):
		return "", fmt.Errorf("%w: %w", api.ErrTooManyUnknown, err)
	}
	if failure, ok := errors.AsType[*secretsource.Error](err); ok { // the log shows one text
		err = fmt.Errorf("%w; %s", err, failure.Hint)
	}
	return user, err
}
