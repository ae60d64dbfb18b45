package kube

import (
	"sync"

	corev1 "k8s.io/api/core/v1"

	"github.com/alert-history/refresh-sidecar/internal/secret"
	"github.com/alert-history/refresh-sidecar/internal/source"
)

// decoded holds what the last LIST of each namespace decoded. Nearly all Secrets of a LIST are as they were in the one before, and
// decoding them again took as long as receiving them, and made most of a refresh's garbage. The entries are those that the snapshot
// is made of, so holding them costs little.
type decoded struct {
	mu   sync.Mutex
	last map[string][]source.Secret // by namespace, in the order of the LIST
}

func (d *decoded) of(namespace string) []source.Secret {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.last[namespace]
}

func (d *decoded) keep(namespace string, secrets []source.Secret) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.last == nil {
		d.last = make(map[string][]source.Secret)
	}
	d.last[namespace] = secrets
}

// decodeAgain returns what obj decodes to, from the last LIST if that has it: no two contents of a Secret have one resourceVersion. An API
// server lists in the order of keys, so last is gone through once, beside the new list: what is left of it is returned for the next
// Secret. A server that lists in another order would only have more decoded.
func decodeAgain(obj *corev1.Secret, last []source.Secret) (source.Secret, []source.Secret) {
	key := obj.Namespace + "/" + obj.Name
	for len(last) > 0 && last[0].Key < key {
		last = last[1:]
	}
	if len(last) > 0 && last[0].Key == key && last[0].UID == string(obj.UID) &&
		last[0].ResourceVersion == obj.ResourceVersion && obj.ResourceVersion != "" {
		return last[0], last[1:]
	}
	return secret.Decode(obj), last
}
