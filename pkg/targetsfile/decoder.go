package targetsfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// blanks is what may stand between the tokens of JSON.
const blanks = " \t\r\n"

// decoder walks a document once, field by field. json.Unmarshal of the whole document scans the targets, which are nearly all of a file,
// six times, and takes four times as long.
type decoder struct {
	data     []byte
	json     *json.Decoder
	shift    int        // the difference between an offset in data and the json.Decoder's offset
	before   []*Entry   // the targets of the document before, which need not be decoded again
	sums     *checksums // of that document and this one
	doc      Document
	version  int
	list     span   // where the list of targets stands in data
	checksum string // the checksum of the targets as they stand in the file; empty before they are read
}

type span struct{ from, to int }

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
	if !utf8.Valid(d.data[:d.list.from]) || !utf8.Valid(d.data[d.list.to:]) {
		return refuse(ReasonSyntax, "not UTF-8")
	}
	return nil
}

// targets decodes the list of targets without the json.Decoder, which would scan the targets, nearly all of a file, several times.
func (d *decoder) targets() error {
	at := skipBlanks(d.data, d.offset())
	if at == len(d.data) || d.data[at] != ':' {
		return d.refuse("targets", errSyntax)
	}
	at = skipBlanks(d.data, at+1)
	if at == len(d.data) {
		return d.refuse("targets", errSyntax)
	}
	if d.data[at] != '[' {
		return refuse(ReasonSchema, "targets must begin with [")
	}
	end, err := d.entries(at + 1)
	if err != nil {
		return d.refuse(fmt.Sprintf("target %d", len(d.doc.Entries)), err)
	}
	d.checksum, d.list = d.sums.of(d.doc.Entries), span{at, end}
	return d.resume(end)
}

// entries decodes the targets behind the first bracket of their list, and returns where what comes behind the last bracket begins.
func (d *decoder) entries(at int) (end int, err error) {
	before := d.before
	d.doc.Entries = make([]*Entry, 0, len(before)+1)
	for first := true; ; first = false {
		at = skipBlanks(d.data, at)
		if first && at < len(d.data) && d.data[at] == ']' {
			return at + 1, nil
		}
		var entry *Entry
		if entry, before, at, err = nextEntry(d.data, at, before); err != nil {
			return 0, err
		}
		d.doc.Entries = append(d.doc.Entries, entry)
		at = skipBlanks(d.data, at)
		if at == len(d.data) || d.data[at] != ',' && d.data[at] != ']' {
			return 0, errSyntax
		}
		at++
		if d.data[at-1] == ']' {
			return at, nil
		}
	}
}

// nextEntry returns the target at an offset of data, and where it ends. A target that is the next one of before, byte for byte, is not
// decoded again. Both lists are in the order of names, so what is left of before begins with the first name that may still come.
func nextEntry(data []byte, at int, before []*Entry) (e *Entry, left []*Entry, end int, err error) {
	if len(before) > 0 {
		if end = at + len(before[0].encoded); end <= len(data) && string(data[at:end]) == before[0].encoded {
			return before[0], before[1:], end, nil
		}
	}
	end = at + valueEnd(data[at:])
	e, err = decodeEntry(bytes.TrimRight(data[at:end], blanks))
	if err != nil {
		return nil, nil, 0, err
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
	return e, before, end, nil
}

// skipBlanks returns the offset of what comes next in data that is no white space.
func skipBlanks(data []byte, at int) int {
	for at < len(data) && strings.IndexByte(blanks, data[at]) >= 0 {
		at++
	}
	return at
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

var errSyntax = errors.New("not JSON") // an error without an offset in the file

// refuse classifies an error of package json and drops its text, which can quote the file.
func (d *decoder) refuse(name string, err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) || errors.Is(err, errSyntax) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return refuse(ReasonSyntax, "not JSON, or cut short, after byte %d", d.offset())
	}
	var field *json.UnmarshalTypeError
	if errors.As(err, &field) && field.Field != "" {
		name += ": field " + field.Field
	}
	return refuse(ReasonSchema, "%s has the wrong type or form, after byte %d", name, d.offset())
}
