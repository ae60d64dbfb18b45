package targetsfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// decoder walks a document once, field by field. json.Unmarshal of the whole document scans the targets, which are nearly all of a file,
// six times, and takes four times as long.
type decoder struct {
	data     []byte
	json     *json.Decoder
	shift    int    // the difference between an offset in data and the json.Decoder's offset
	known    *known // targets decoded before; nil: there are none, and nobody wants digests
	digests  []digest
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
	if err := d.delimiter('{', "the file"); err != nil {
		return err
	}
	fields, met := d.fields(), map[string]bool{}
	for d.json.More() {
		token, err := d.json.Token()
		if err != nil {
			return d.refuse("the file", err)
		}
		name, _ := token.(string) // a key is always a string, package json sees to that
		into, known := fields[name]
		switch {
		case known && met[name]: // parsers differ in which of two equal keys they take
			return refuse(ReasonSchema, "%s stands there twice", name)
		case name == "targets":
			err = d.targets()
		case known:
			err = d.value(name, into)
		default:
			err = d.value("an unknown field", new(json.RawMessage))
		}
		if err != nil {
			return err
		}
		met[name] = true
	}
	if err := d.delimiter('}', "the file"); err != nil {
		return err
	}
	if _, err := d.json.Token(); err != io.EOF {
		return refuse(ReasonSyntax, "something follows the document at byte %d", d.offset())
	}
	return nil
}

// targets decodes the list of targets without the json.Decoder, which would scan the targets, nearly all of a file, several times and one
// after the other.
func (d *decoder) targets() error {
	list := bytes.TrimLeft(d.data[d.offset():], blanks)
	if !bytes.HasPrefix(list, []byte(":")) {
		return d.refuse("targets", errItemSyntax)
	}
	list = bytes.TrimLeft(list[1:], blanks)
	if len(list) == 0 {
		return d.refuse("targets", io.ErrUnexpectedEOF)
	}
	if list[0] != '[' {
		return refuse(ReasonSchema, "targets must begin with [")
	}
	items, length, ok := splitList(list)
	if !ok {
		return d.refuse("targets", io.ErrUnexpectedEOF)
	}
	entries, digests, fault := decodeList(items, d.known)
	if fault != nil {
		return d.refuse(fmt.Sprintf("target %d", fault.index), fault.err)
	}
	d.doc.Entries, d.digests, d.checksum = entries, digests, Checksum(entries)
	return d.resume(len(d.data) - len(list) + length)
}

// resume lets the json.Decoder go on at an offset just behind the value of a field. A short document of its own, which it reads first, leaves
// it in the state after a value.
func (d *decoder) resume(offset int) error {
	const before = `{"":0`
	d.json = json.NewDecoder(io.MultiReader(strings.NewReader(before), bytes.NewReader(d.data[offset:])))
	d.shift = offset - len(before)
	for range 3 {
		if _, err := d.json.Token(); err != nil {
			return d.refuse("the file", err)
		}
	}
	return nil
}

// offset returns how much of data was read.
func (d *decoder) offset() int { return d.shift + int(d.json.InputOffset()) }

func (d *decoder) value(name string, into any) error {
	if err := d.json.Decode(into); err != nil {
		return d.refuse(name, err)
	}
	return nil
}

func (d *decoder) delimiter(want json.Delim, where string) error {
	token, err := d.json.Token()
	if err != nil {
		return d.refuse(where, err)
	}
	if token != want {
		return refuse(ReasonSchema, "%s must begin with %s", where, want)
	}
	return nil
}

// refuse classifies an error of package json and drops its text, which can quote the file.
func (d *decoder) refuse(name string, err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) || errors.Is(err, errItemSyntax) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return refuse(ReasonSyntax, "not JSON, or cut short, after byte %d", d.offset())
	}
	var field *json.UnmarshalTypeError
	if errors.As(err, &field) && field.Field != "" {
		name += ": field " + field.Field
	}
	return refuse(ReasonSchema, "%s has the wrong type or form, after byte %d", name, d.offset())
}
