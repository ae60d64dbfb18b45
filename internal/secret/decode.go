// Package secret turns one Secret into a target, or into a fault that names every broken field ([Decode]). It holds all rules and their
// messages, and it is pure: it asks nobody and reads no file.
//
// It promises that no fault and no warning holds anything of a Secret but its public parts: names of fields, rules, and keys that look
// like a name somebody chose ([IsIdentifier]).
package secret

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alert-history/refresh-sidecar/internal/source"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// MaxKeys is how many keys a Secret may have. A key of a few bytes takes many times as much memory in a map.
const MaxKeys = maxEntries

// documentKeys returns the keys of a Secret that hold a whole target. The first key that is present decides.
func documentKeys() []string { return []string{"config", "target.json", "config.json"} }

// Decode turns a labelled Secret into a target, or into a fault that names every broken field. The first of these shapes that is present
// decides, even when it is broken: a fallback to the next would serve a target that nobody meant.
//
//  1. the key config holds a JSON object;
//  2. the key target.json holds a JSON object;
//  3. the key config.json holds a JSON object;
//  4. the keys name, type, url, format, enabled, headers, filter_config, api_key and auth_token hold one value each.
//
// Faults and warnings name fields and rules, never what a Secret holds. The result shares no memory with obj. Whatever a Secret of at
// most 1 MiB holds, decoding it allocates less than 16 MiB.
func Decode(obj *Object) source.Secret {
	out := source.Secret{
		Key:             obj.Namespace + "/" + obj.Name,
		UID:             string(obj.UID),
		ResourceVersion: obj.ResourceVersion,
		Created:         obj.CreationTimestamp.Time,
	}
	d := draft{
		target: targetsfile.Target{Secret: out.Key, SecretUID: out.UID, Enabled: true},
		given:  make([]string, 0, len(flatKeys())),
	}
	d.read(obj)
	out.Entry, out.Fault = d.finish()
	out.Warnings = d.warnings
	return out
}

func (d *draft) read(obj *Object) {
	if len(obj.Data) > MaxKeys {
		d.reject(ruleEntries, "")
		return
	}
	if !fitsKubernetes(obj.Data) {
		d.reject(ruleSecretSize, "")
		return
	}
	for _, key := range documentKeys() { // 1, 2, 3
		if text, ok := obj.Data[key]; ok {
			d.warnBeside(obj.Data, key)
			d.readDocument(key, text)
			return
		}
	}
	d.readFlat(obj) // 4
}

// fitsKubernetes reports whether an API server would store the data. Only a manifest can be larger; refusing it must not cost more than
// decoding a Secret of a cluster.
func fitsKubernetes(data map[string][]byte) bool {
	size := 0
	for _, value := range data {
		size += len(value)
	}
	return size <= maxSize
}

// warnBeside names the keys beside the one that is read: a value there is easily believed to count.
func (d *draft) warnBeside(data map[string][]byte, read string) {
	if len(data) == 1 {
		return
	}
	const longest = 8 // a warning is one line of a log
	var names []string
	more := 0
	for key := range data {
		switch {
		case key == read:
		case !IsIdentifier(key), len(names) == longest && key > names[longest-1]:
			more++
		default:
			names = append(names, key)
			slices.Sort(names)
			if len(names) > longest {
				names, more = names[:longest], more+1
			}
		}
	}
	if more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	d.warn(warnUnread, "", read, strings.Join(names, ", "))
}

// IsIdentifier reports whether a key that this package does not know looks like a name somebody chose for a field. Only then may it
// be shown: a key can also be a value that slipped one column to the left.
func IsIdentifier(key string) bool {
	const longest = 63
	if key == "" || len(key) > longest {
		return false
	}
	for i := range len(key) {
		c := key[i]
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		inner := '0' <= c && c <= '9' || c == '.' || c == '-'
		if !letter && (i == 0 || !inner) {
			return false
		}
	}
	return true
}
