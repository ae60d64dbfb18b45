package kube

import (
	"bytes"
	"errors"

	"google.golang.org/protobuf/encoding/protowire"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/json"

	"github.com/alert-history/refresh-sidecar/internal/secret"
)

// Secrets are read from the bytes that the API server sends, one at a time, and only what matters of them. client-go would decode a whole
// page at once, with annotations and managed fields; and what a few bytes of a map become in memory is twenty times as much: eight Secrets of
// 60 000 keys were seen to need more than the container has.

// errWire says that bytes are not the object that they were sent as.
var errWire = errors.New("malformed object")

// page is one page of a SecretList, whose Secrets are not decoded yet.
type page struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata"`
	Items           []item `json:"items"`
}

// size returns how many bytes the Secrets of the page are.
func (p *page) size() (bytes int) {
	for i := range p.Items {
		bytes += len(p.Items[i].text)
	}
	return bytes
}

// item is a Secret of a page as it was sent.
type item struct {
	text     []byte
	protobuf bool // else JSON
}

// object is a Secret, with its labels as they were sent. Values of its data alias the bytes that it was read from.
type object struct {
	secret.Object
	meta wireLabels // nil: the labels are those of the Secret, which was sent as JSON
}

// Reset implements the interface of apimachinery's protobuf serializer.
func (p *page) Reset() { *p = page{} }

// DeepCopyObject implements [runtime.Object].
func (p *page) DeepCopyObject() runtime.Object {
	out := *p
	return &out
}

// Unmarshal implements the interface of apimachinery's protobuf serializer: it reads a k8s.io.api.core.v1.SecretList.
func (p *page) Unmarshal(text []byte) error {
	return eachField(text, func(number protowire.Number, value []byte) error {
		switch number {
		case 1:
			return p.ListMeta.Unmarshal(value)
		case 2:
			p.Items = append(p.Items, item{text: value, protobuf: true})
		}
		return nil
	})
}

// UnmarshalJSON keeps the text for later.
func (i *item) UnmarshalJSON(text []byte) error {
	i.text = bytes.Clone(text)
	return nil
}

// decode reads the Secret.
func (i *item) decode() (*object, error) {
	o := &object{}
	if i.protobuf {
		return o, o.Unmarshal(i.text)
	}
	return o, json.Unmarshal(i.text, &o.Object)
}

// Reset implements the interface of apimachinery's protobuf serializer.
func (o *object) Reset() { *o = object{} }

// DeepCopyObject implements [runtime.Object]. It is shallow, since nothing copies an object.
func (o *object) DeepCopyObject() runtime.Object {
	out := *o
	return &out
}

// Unmarshal implements the interface of apimachinery's protobuf serializer: it reads a k8s.io.api.core.v1.Secret. Of more keys than
// [secret.MaxKeys] it keeps one too many, by which they are refused.
func (o *object) Unmarshal(text []byte) error {
	o.meta = wireLabels{}
	return eachField(text, func(number protowire.Number, value []byte) error {
		switch number {
		case 1:
			o.meta = value
			return o.readMeta(value)
		case 2:
			if len(o.Data) > secret.MaxKeys {
				return nil
			}
			if o.Data == nil {
				o.Data = make(map[string][]byte)
			}
			key, content, err := readEntry(value)
			o.Data[string(key)] = content
			return err
		}
		return nil
	})
}

// readMeta reads a k8s.io.apimachinery.pkg.apis.meta.v1.ObjectMeta but its labels.
func (o *object) readMeta(text []byte) error {
	return eachField(text, func(number protowire.Number, value []byte) error {
		switch number {
		case 1:
			o.Name = string(value)
		case 3:
			o.Namespace = string(value)
		case 5:
			o.UID = types.UID(value)
		case 6:
			o.ResourceVersion = string(value)
		case 8:
			return o.CreationTimestamp.Unmarshal(value)
		}
		return nil
	})
}

// selected returns the object's labels.
func (o *object) selected() labels.Labels {
	if o.meta == nil {
		return labels.Set(o.Object.Labels)
	}
	return o.meta
}

// wireLabels are the labels of an ObjectMeta as it was sent. A Secret can have a hundred thousand, and a selector asks for few.
type wireLabels []byte

// Has implements [labels.Labels].
func (w wireLabels) Has(label string) bool {
	_, ok := w.Lookup(label)
	return ok
}

// Get implements [labels.Labels].
func (w wireLabels) Get(label string) string {
	value, _ := w.Lookup(label)
	return value
}

// Lookup implements [labels.Labels].
func (w wireLabels) Lookup(label string) (value string, ok bool) {
	_ = eachField(w, func(number protowire.Number, entry []byte) error {
		if number != 11 {
			return nil
		}
		key, text, err := readEntry(entry)
		if err == nil && string(key) == label {
			value, ok = string(text), true // of two, the last one counts
		}
		return nil
	})
	return value, ok
}

// eachField passes the fields of a message that have a length, which are all but numbers, to visit.
func eachField(message []byte, visit func(number protowire.Number, value []byte) error) error {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return errWire
		}
		message = message[n:]
		if kind != protowire.BytesType {
			if n = protowire.ConsumeFieldValue(number, kind, message); n < 0 {
				return errWire
			}
			message = message[n:]
			continue
		}
		value, n := protowire.ConsumeBytes(message)
		if n < 0 {
			return errWire
		}
		message = message[n:]
		if err := visit(number, value); err != nil {
			return err
		}
	}
	return nil
}

// readEntry reads an entry of a map.
func readEntry(message []byte) (key, value []byte, err error) {
	err = eachField(message, func(number protowire.Number, field []byte) error {
		switch number {
		case 1:
			key = field
		case 2:
			value = field
		}
		return nil
	})
	return key, value, err
}
