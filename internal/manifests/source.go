// Package manifests finds Secrets in manifest files instead of an API server: [Source] lists and follows a tree of manifests, [Check] says
// what is wrong with manifests before they reach a cluster, and [Convert] rewrites Secrets of older shapes.
//
// Messages name places and rules, never what a file holds. Only [Conversion.Text] holds the values of Secrets.
package manifests

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/rs/zerolog"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/alert-history/refresh-sidecar/internal/source"
)

// Config says which manifests to read.
type Config struct {
	Path             string // a file, or a directory whose tree is searched
	LabelSelector    string // which Secrets count; empty: all
	DefaultNamespace string // the namespace of Secrets that name none; empty: "default"

	Logger zerolog.Logger // the zero Logger discards
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
	log              zerolog.Logger
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
	return &Source{path: filepath.Clean(c.Path), selector: selector, defaultNamespace: c.DefaultNamespace, log: c.Logger}, nil
}

// settleTime is how long a tree must have been left alone before it is read: an editor truncates and then writes, a checkout replaces one
// file after another, and the state in between must not pass for the new content.
const settleTime = 100 * time.Millisecond

// List reads the tree. An empty namespace means all; another selects the Secrets in it.
//
// The ResourceVersion is a fingerprint of the tree, taken before it is read. It is set even when List fails, so that
// [Source.Watch] can wait for the cure. Every error is an [*source.Error] that is not permanent, except for the error of a
// cancelled ctx, which is returned as it is.
//
// A tree that is being changed is read again, up to five times in half a second.
func (m *Source) List(ctx context.Context, namespace string) (source.Listing, error) {
	const tries = 5
	listing := source.Listing{Namespace: namespace}
	for range tries {
		before := findFiles(ctx, m.path)
		listing.ResourceVersion = before.fingerprint
		// File times are as coarse as a tick, up to 10 ms: a second change within the tick of the first may show in the content alone. So
		// a file that has just changed is not read, even if its fingerprint stays the same.
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

// stopped returns the error for the end of ctx: unchanged if the caller gave up, and with what was being done if the time ran out.
func stopped(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	return &source.Error{Type: source.TimeoutError, Err: fmt.Errorf("reading manifests: %w", ctx.Err())}
}
