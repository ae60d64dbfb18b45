package targetsfile

import (
	"bytes"
	"encoding/json"
	"time"
)

// Decode reads the content of a snapshot file and verifies its checksum. Errors are [*LoadError].
func Decode(data []byte) (*Document, error) { return decode(data, nil, new(checksums)) }

// decode is Decode for a reader, which decodes one file after the other: before has the targets of the last one, and sums their checksum.
func decode(data []byte, before []*Entry, sums *checksums) (*Document, error) {
	switch {
	case len(data) > MaxBytes:
		return nil, refuse(ReasonTooLarge, "%d bytes, the limit is %d", len(data), MaxBytes)
	case len(bytes.Trim(data, blanks)) == 0:
		return nil, refuse(ReasonEmpty, "the file holds nothing")
	}
	d := decoder{data: data, before: before, sums: sums}
	err := d.document()
	if err != nil && !isUnsupported(data) {
		return nil, err
	}
	if err != nil || d.version > SchemaVersion {
		return nil, refuse(ReasonUnsupported, "a later schema_version than %d: update the reader", SchemaVersion)
	}
	if err := d.verify(); err != nil {
		return nil, err
	}
	return &d.doc, nil
}

// isUnsupported reports whether data has a later schema_version, whose fields may have types that this package cannot decode.
func isUnsupported(data []byte) bool {
	var version struct {
		SchemaVersion int `json:"schema_version"`
	}
	return json.Unmarshal(data, &version) == nil && version.SchemaVersion > SchemaVersion
}

// verify checks what must hold among the fields, and brings all times to UTC.
func (d *decoder) verify() error {
	doc := &d.doc
	switch {
	case d.version != SchemaVersion:
		return refuse(ReasonSchema, "schema_version is missing: not a snapshot")
	case d.checksum == "":
		return refuse(ReasonSchema, "targets is missing")
	case doc.Epoch == "":
		return refuse(ReasonSchema, "epoch is missing")
	case doc.Generation == 0:
		return refuse(ReasonSchema, "generation is missing")
	case doc.Checksum != d.checksum:
		return refuse(ReasonChecksum, "the targets have %s, the file says otherwise: it was edited or damaged", d.checksum)
	}
	for i, entry := range doc.Entries {
		if entry.Name == "" || i > 0 && entry.Name <= doc.Entries[i-1].Name {
			return refuse(ReasonSchema, "target %d has no name, or is a duplicate or out of order", i)
		}
	}
	for _, stamp := range []*time.Time{&doc.ChangedAt, &doc.RefreshedAt, &doc.StaleAfter} {
		*stamp = stamp.UTC()
		if year := stamp.Year(); year < 1 || year > 9999 { // a time zone can push the year beyond what RFC 3339 can write
			return refuse(ReasonSchema, "a time is out of range")
		}
	}
	return nil
}
