package targetsfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// blanks is what may stand between the tokens of JSON.
const blanks = " \t\r\n"

// decoder walks a document once, field by field. json.Unmarshal of the whole document would scan the targets, which are nearly all of a file,
// again and again.
type decoder struct {
	data     []byte
	at       int        // the offset of what comes next in data
	from     int        // where the last value began
	before   []*Entry   // the targets of the document before, which need not be decoded again
	sums     *checksums // of that document and this one
	doc      Document
	version  int
	checksum string // the checksum of the targets as they stand in the file; empty before they are read
}

// fields says where the value of each field goes. Other fields of a file are ignored: later writers may add some.
func (d *decoder) fields() map[string]any {
	return map[string]any{
		"schema_version":     &d.version,
		"epoch":              &d.doc.Epoch,
		"generation":         &d.doc.Generation,
		"checksum":           &d.doc.Checksum,
		"changed_at":         &d.doc.ChangedAt,
		"refreshed_at":       &d.doc.RefreshedAt,
		"stale_after":        &d.doc.StaleAfter,
		"source":             &d.doc.Source,
		"targets_discovered": &d.doc.Discovered,
		"targets_valid":      &d.doc.Valid,
		"targets_invalid":    &d.doc.Invalid,
		"targets":            nil,
		"invalid":            &d.doc.Rejections,
	}
}

func (d *decoder) document() error {
	if !d.comes('{') {
		return d.refuse("the file", json.Unmarshal(d.data, new(struct{}))) // without an error it is null
	}
	fields, met := d.fields(), map[string]bool{}
	err := d.items('}', func() error {
		var name string
		if key := d.value(); !bytes.HasPrefix(key, []byte(`"`)) || json.Unmarshal(key, &name) != nil || !d.comes(':') {
			return d.refuse("the file", errSyntax)
		}
		into, known := fields[name]
		if known && met[name] { // parsers differ in which of two equal keys they take
			return refuse(ReasonSchema, "%s stands there twice", name)
		}
		met[name] = true
		switch {
		case name == "targets":
			return d.targets()
		case !known:
			name, into = "an unknown field", new(json.RawMessage)
		}
		if err := json.Unmarshal(d.value(), into); err != nil {
			return d.refuse(name, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if d.skipBlanks(); d.at < len(d.data) {
		return refuse(ReasonSyntax, "something follows the document at byte %d", d.at)
	}
	return nil
}

func (d *decoder) targets() error {
	if !d.comes('[') {
		return d.refuse("targets", json.Unmarshal(d.value(), new([]json.RawMessage))) // without an error it is null
	}
	before := d.before
	d.doc.Entries = make([]*Entry, 0, len(before)+1)
	err := d.items(']', func() (err error) {
		var entry *Entry
		if entry, before, err = d.entry(before); err != nil {
			return d.refuse(fmt.Sprintf("target %d", len(d.doc.Entries)), err)
		}
		d.doc.Entries = append(d.doc.Entries, entry)
		return nil
	})
	if err == nil {
		d.checksum = d.sums.of(d.doc.Entries)
	}
	return err
}

// entry returns the next target. One that is the next of before, byte for byte, is not decoded again. Both lists are in the order of names, so
// what is left of before begins with the first name that may still come.
func (d *decoder) entry(before []*Entry) (e *Entry, left []*Entry, err error) {
	if len(before) > 0 {
		if end := d.at + len(before[0].encoded); end <= len(d.data) && string(d.data[d.at:end]) == before[0].encoded {
			d.at = end
			return before[0], before[1:], nil
		}
	}
	if e, err = decodeEntry(d.value()); err != nil {
		return nil, nil, err
	}
	for len(before) > 0 && before[0].Name < e.Name {
		before = before[1:]
	}
	if len(before) > 0 && before[0].Name == e.Name {
		if before[0].Equal(e) {
			e = before[0]
		}
		before = before[1:]
	}
	return e, before, nil
}

// items reads what is divided by commas, up to and with the bracket that ends it.
func (d *decoder) items(end byte, item func() error) error {
	if d.comes(end) {
		return nil
	}
	for {
		d.skipBlanks()
		if err := item(); err != nil {
			return err
		}
		if d.comes(end) {
			return nil
		}
		if !d.comes(',') {
			return d.refuse("the file", errSyntax)
		}
	}
}

// value reads the next value. Nothing of it is checked but that it is UTF-8: what is not is no JSON, as an empty value is none.
func (d *decoder) value() []byte {
	d.skipBlanks()
	d.from = d.at
	d.at += valueEnd(d.data[d.at:])
	if value := d.data[d.from:d.at]; utf8.Valid(value) {
		return bytes.TrimRight(value, blanks)
	}
	return nil
}

// comes reads past a character, if it comes next.
func (d *decoder) comes(c byte) bool {
	d.skipBlanks()
	if d.at == len(d.data) || d.data[d.at] != c {
		return false
	}
	d.at++
	return true
}

func (d *decoder) skipBlanks() {
	for d.at < len(d.data) && strings.IndexByte(blanks, d.data[d.at]) >= 0 {
		d.at++
	}
}

var errSyntax = errors.New("not JSON") // an error without an offset in the file

// refuse classifies an error of package json and drops its text, which can quote the file.
func (d *decoder) refuse(name string, err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) || errors.Is(err, errSyntax) {
		return refuse(ReasonSyntax, "not JSON, or cut short, after byte %d", d.from)
	}
	var field *json.UnmarshalTypeError
	if errors.As(err, &field) && fieldOf(field) != "" {
		name += ": field " + fieldOf(field)
	}
	return refuse(ReasonSchema, "%s has the wrong type or form, after byte %d", name, d.from)
}

// fieldOf returns the field that an error names. From Go 1.27 on the error holds the whole path to the value: indexes, and the keys of maps,
// which are a part of the file.
func fieldOf(err *json.UnmarshalTypeError) string {
	field, _, _ := strings.Cut(strings.TrimLeft(err.Field, "0123456789."), ".")
	return field
}
