package kube

import (
	"hash/maphash"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"

	"github.com/alert-history/refresh-sidecar/internal/secret"
	"github.com/alert-history/refresh-sidecar/internal/source"
)

// decoded holds what the last LIST of each namespace decoded. Nearly all Secrets of a LIST are as they were in the one before, and
// decoding them again took as long as receiving them, and made most of a refresh's garbage. The entries are those that the snapshot
// is made of, so holding them costs little.
type decoded struct {
	seed maphash.Seed
	mu   sync.Mutex
	last map[string]list // by namespace
}

// list is what the Secrets of a LIST were decoded to, in their order, and a hash of each one's data. The resourceVersion alone does not tell
// one content from another: after etcd was restored from a backup, an object can have a version that it had before.
type list struct {
	secrets []source.Secret
	data    []uint64
}

func newDecoded() decoded { return decoded{seed: maphash.MakeSeed(), last: map[string]list{}} }

func (d *decoded) of(namespace string) list {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.last[namespace]
}

func (d *decoded) keep(namespace string, l list) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last[namespace] = l
}

// newList returns an empty list with room for n Secrets.
func newList(n int) list {
	return list{secrets: slices.Grow[[]source.Secret](nil, n), data: slices.Grow[[]uint64](nil, n)}
}

// add decodes obj into the list, unless the last LIST has done so. An API server lists in the order of keys, so last is gone through once,
// beside the new list: what is left of it is returned for the next Secret. A server that lists in another order would only have more decoded.
func (l *list) add(obj *corev1.Secret, data uint64, last list) (left list) {
	key := obj.Namespace + "/" + obj.Name
	for len(last.secrets) > 0 && last.secrets[0].Key < key {
		last = last.behind()
	}
	l.data = append(l.data, data)
	if len(last.secrets) > 0 && last.data[0] == data && obj.ResourceVersion != "" {
		if known := &last.secrets[0]; known.Key == key && known.UID == string(obj.UID) && known.ResourceVersion == obj.ResourceVersion {
			l.secrets = append(l.secrets, *known)
			return last.behind()
		}
	}
	l.secrets = append(l.secrets, secret.Decode(obj))
	return last
}

func (l list) behind() list { return list{l.secrets[1:], l.data[1:]} }

// hash adds up the hashes of the keys with their values, since a map has no order.
func (d *decoded) hash(data map[string][]byte) (sum uint64) {
	var h maphash.Hash
	h.SetSeed(d.seed)
	for key, value := range data {
		h.Reset()
		_, _ = h.WriteString(key)
		_ = h.WriteByte(0) // a key holds none
		_, _ = h.Write(value)
		sum += h.Sum64()
	}
	return sum
}
