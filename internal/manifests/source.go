// Package manifests finds Secrets in manifest files instead of an API server: [Source] lists and follows a tree of them, [Check] says what
// is wrong with some before they reach a cluster.
//
// What it says of a file names places and rules, never what the file holds.
package manifests

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/alert-history/refresh-sidecar/internal/source"
)

// Config says which manifests to read.
type Config struct {
	Path             string // a file, or a directory whose tree is searched
	LabelSelector    string // which Secrets count; empty: all
	DefaultNamespace string // of Secrets that name none; empty: "default"
}

// Source finds Secrets in YAML and JSON files instead of an API server: on a laptop, in docker compose, in CI. Of a directory
// tree it reads *.yaml, *.yml and *.json, follows symbolic links, and skips what begins with a dot, such as .git and the ..data of a
// mounted ConfigMap. A file may hold several documents; Secrets count, alone or in a List or SecretList, other kinds do not.
//
// A tree is read as a whole or not at all: a file that cannot be read, or holds no manifest, fails the List. A Secret that can be
// read but yields no target is a [source.Secret] with a [source.Fault], as it is from an API server.
//
// It keeps no state; its methods may be called at the same time.
type Source struct {
	path             string
	selector         labels.Selector
	defaultNamespace string
}

// New returns a source of manifests. The path need not exist yet.
func New(c Config) (*Source, error) {
	var faults []error
	if c.Path == "" {
		faults = append(faults, errors.New("manifests: a path is required"))
	}
	selector, err := labels.Parse(c.LabelSelector)
	if err != nil {
		faults = append(faults, fmt.Errorf("manifests: label selector: %w", err))
	}
	if c.DefaultNamespace == "" {
		c.DefaultNamespace = "default"
	}
	if len(validation.IsDNS1123Label(c.DefaultNamespace)) > 0 {
		faults = append(faults, fmt.Errorf("manifests: namespace %q is not a DNS-1123 label", c.DefaultNamespace))
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return &Source{path: filepath.Clean(c.Path), selector: selector, defaultNamespace: c.DefaultNamespace}, nil
}

// settleTime is how long a tree must have been left alone before it is read: an editor truncates and then writes, a checkout
// replaces one file after another, and what is there in between must not pass for the new content.
const settleTime = 100 * time.Millisecond

// List reads the tree. An empty namespace means all; another selects the Secrets in it.
//
// The ResourceVersion is a fingerprint of the tree, taken before it is read. It is set even when List fails, so that
// [Source.Watch] can wait for the cure. Every error is an [*source.Error], and never permanent, except that of a cancelled ctx, which is
// returned as it is.
//
// A tree that is being changed is read again, up to five times in half a second.
func (m *Source) List(ctx context.Context, namespace string) (source.Listing, error) {
	const tries = 5
	listing := source.Listing{Namespace: namespace}
	for range tries {
		before := findFiles(ctx, m.path)
		listing.ResourceVersion = before.fingerprint
		// File times are as coarse as a tick, up to 10 ms: within the tick of one change a second one may show in nothing but the
		// content. So a file that is hot is not read, whatever its fingerprint does.
		if !before.changedSince(time.Now().Add(-settleTime)) {
			secrets, err := m.read(ctx, before, namespace)
			if after := findFiles(ctx, m.path); after.fingerprint == before.fingerprint && ctx.Err() == nil {
				listing.Secrets = secrets
				return listing, err
			}
		}
		select {
		case <-ctx.Done():
			return listing, stopped(ctx)
		case <-time.After(settleTime):
		}
	}
	return listing, treeError("the files are read once nobody writes them", "reading manifests: %q keeps changing", m.path)
}

// stopped returns the error for the end of ctx: as it is for a caller that gave up, with what was being done for one whose time ran out.
func stopped(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	return &source.Error{Type: source.TimeoutError, Err: fmt.Errorf("reading manifests: %w", ctx.Err())}
}
