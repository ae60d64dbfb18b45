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

	corev1 "k8s.io/api/core/v1"

	"github.com/alert-history/refresh-sidecar/internal/source"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// MaxKeys is how many keys a Secret may have. What they take in memory is many times what they take in a Secret.
const MaxKeys = 1000

// Keys of a Secret that hold a whole target.
const (
	configKey     = "config"
	targetFileKey = "target.json"
)

// Decode turns a labelled Secret into a target, or into a fault that names every broken field. The first of three shapes that is
// present decides, even when it is broken: a fallback to the next would serve a target that nobody meant.
//
//  1. the key config holds a JSON object;
//  2. the key target.json holds one;
//  3. the keys name, type, url, format, enabled, headers, api_key and auth_token hold one value each.
//
// Faults and warnings name fields and rules, never what a Secret holds. The result shares no memory with obj.
func Decode(obj *corev1.Secret) source.Secret {
	out := source.Secret{
		Key:             obj.Namespace + "/" + obj.Name,
		UID:             string(obj.UID),
		ResourceVersion: obj.ResourceVersion,
		Created:         obj.CreationTimestamp.Time,
	}
	d := draft{target: targetsfile.Target{Secret: out.Key, SecretUID: out.UID, Enabled: true}}
	d.read(obj)
	out.Entry, out.Fault = d.finish()
	out.Warnings = d.warnings
	return out
}

func (d *draft) read(obj *corev1.Secret) {
	if len(obj.Data) > MaxKeys {
		d.reject("", fmt.Sprintf("must hold at most %d keys", MaxKeys), "a target has a handful of keys: does the label select a Secret that is none?")
		return
	}
	if !fitsKubernetes(obj.Data) {
		d.reject("", "must hold at most 1 MiB", "Kubernetes refuses larger Secrets")
		return
	}
	for _, key := range []string{configKey, targetFileKey} { // 1, 2
		if text, ok := obj.Data[key]; ok {
			d.warnUnread(obj.Data, []string{key}, "beside "+key)
			d.readDocument(key, text)
			return
		}
	}
	d.warnUnread(obj.Data, flatKeys(), "as a flat key") // 3
	d.readFlat(obj)
}

// fitsKubernetes reports whether an API server would store the data. Only a manifest can be larger; it must not cost more to refuse
// than a real Secret costs to decode.
func fitsKubernetes(data map[string][]byte) bool {
	size := 0
	for _, value := range data {
		size += len(value)
	}
	return size <= corev1.MaxSecretSize
}

// warnUnread names the keys that are there but not read: a value beside config is easily believed to count.
func (d *draft) warnUnread(data map[string][]byte, read []string, why string) {
	const longest = 8 // a warning is one line of a log
	var names []string
	more := 0
	for key := range data {
		switch {
		case slices.Contains(read, key):
		case IsIdentifier(key):
			names = append(names, key)
		default:
			more++
		}
	}
	slices.Sort(names)
	if len(names) > longest {
		more += len(names) - longest
		names = names[:longest]
	}
	if more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	if len(names) > 0 {
		d.warn("not read %s: %s", why, strings.Join(names, ", "))
	}
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
