package kube

import (
	"hash/maphash"
	"slices"
	"sync"

	"github.com/alert-history/refresh-sidecar/internal/secret"
	"github.com/alert-history/refresh-sidecar/internal/source"
)

// decoded holds what the last LIST of each namespace decoded. Nearly all Secrets of a LIST are as they were in the one before, and
// decoding them again took as long as receiving them, and made most of a refresh's garbage. The entries are those that the snapshot
// is made of, so holding them costs little.
type decoded struct {
	seed maphash.Seed
	mu   sync.Mutex
	last map[string]known // by namespace
}

// known is what the Secrets of a LIST were decoded to, in their order, and a hash of the bytes of each. The resourceVersion would not tell
// one content from another: after etcd was restored from a backup, an object can have a version that it had before.
type known struct {
	secrets []source.Secret
	hashes  []uint64
}

// behind is what is left behind the first Secret.
func (k known) behind() known { return known{k.secrets[1:], k.hashes[1:]} }

func newDecoded() decoded { return decoded{seed: maphash.MakeSeed(), last: map[string]known{}} }

// list returns an empty list of a namespace, to be filled by a LIST.
func (d *decoded) list(k *Source, namespace string) *list {
	d.mu.Lock()
	defer d.mu.Unlock()
	return &list{k: k, namespace: namespace, seed: d.seed, last: d.last[namespace]}
}

func (d *decoded) keep(l *list) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last[l.namespace] = l.known
}

// list is what a LIST has decoded so far.
type list struct {
	known
	k         *Source
	namespace string
	seed      maphash.Seed
	last      known // of the LIST before
	unread    known // what of it has not been met yet
}

// begin empties the list: the first page comes, perhaps once more.
func (l *list) begin(secrets int) {
	room := max(secrets, len(l.last.secrets))
	l.secrets, l.hashes = slices.Grow[[]source.Secret](nil, room), slices.Grow[[]uint64](nil, room)
	l.unread = l.last
}

// add decodes the next Secret, unless the last LIST has done so, and returns why it is not one that was asked for; empty: it is. An API server
// lists in the order of keys, so the two LISTs are gone through side by side. A server that lists in another order would only have more decoded.
func (l *list) add(i *item) (why string) {
	hash := maphash.Bytes(l.seed, i.text)
	l.hashes = append(l.hashes, hash)
	if len(l.unread.secrets) > 0 && l.unread.hashes[0] == hash {
		l.secrets = append(l.secrets, l.unread.secrets[0])
		l.unread = l.unread.behind()
		return ""
	}
	obj, err := i.decode()
	if err != nil {
		return "the answer holds what is no Secret"
	}
	if !l.k.lists(obj, l.namespace) {
		return notAsked
	}
	for key := obj.Namespace + "/" + obj.Name; len(l.unread.secrets) > 0 && l.unread.secrets[0].Key < key; {
		l.unread = l.unread.behind()
	}
	if len(l.unread.secrets) > 0 && l.unread.hashes[0] == hash {
		l.secrets = append(l.secrets, l.unread.secrets[0])
	} else {
		l.secrets = append(l.secrets, secret.Decode(&obj.Object))
	}
	return ""
}
