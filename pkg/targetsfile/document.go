package targetsfile

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// SchemaVersion is the version of the file format that this package reads and writes.
	SchemaVersion = 1
	// MaxBytes is the size limit of a file, for its writer and its readers alike.
	MaxBytes = 64 << 20
	// MaxTargetBytes is the size limit of one encoded target.
	MaxTargetBytes = 256 << 10
	// MaxRejections is how many rejected Secrets a file lists; its counts include the others.
	MaxRejections = 1000
)

// Document is the content of one snapshot file. A published document is immutable.
type Document struct {
	Epoch      string // a UUID; changes when generations start again
	Generation uint64 // from 1; rises exactly when Checksum changes
	Checksum   string // the checksum of Entries, see [Checksum]

	ChangedAt   time.Time // when Generation last rose
	RefreshedAt time.Time // end of the last complete LIST
	StaleAfter  time.Time // from then on nothing vouches for the content

	Source     Source
	Discovered int // labelled Secrets
	Valid      int // Secrets whose present content is in Entries
	Invalid    int // Secrets whose present content is not

	Entries    []*Entry    // ascending by name, names unique
	Rejections []Rejection // ascending by Secret, at most MaxRejections
}

// Kinds of [Source].
const (
	SourceKubernetes = "kubernetes"
	SourceManifests  = "manifests"
)

// Source says where a document's Secrets were looked for. Documents of different sources do not continue each other.
type Source struct {
	Kind          string   `json:"kind"`
	Namespaces    []string `json:"namespaces,omitzero"` // empty but not nil: all namespaces; nil for manifests
	LabelSelector string   `json:"label_selector,omitempty"`
	Path          string   `json:"path,omitempty"` // for manifests only
}

// Equal reports whether both name the same place.
func (s Source) Equal(o Source) bool {
	return s.Kind == o.Kind && s.LabelSelector == o.LabelSelector && s.Path == o.Path && slices.Equal(s.Namespaces, o.Namespaces)
}

// Reasons of a [Rejection].
const (
	RejectParse     = "parse"     // the Secret cannot be read as a target
	RejectValidate  = "validate"  // a field breaks its rule
	RejectDuplicate = "duplicate" // the target's name belongs to another Secret
)

// What a rejected Secret serves meanwhile.
const (
	ServingLastGood = "last_good"
	ServingNothing  = "nothing"
)

// Rejection is a labelled Secret whose present content is not published. It holds nothing that is secret.
type Rejection struct {
	Secret  string `json:"secret"` // namespace/name
	Reason  string `json:"reason"`
	Message string `json:"message"`
	Serving string `json:"serving"`
}

// Format implements [fmt.Formatter]: without it a verb that does not suit a field, such as %s, prints a nested document with the secrets
// of its targets.
func (d Document) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, d.String()) }

// String describes the document without its targets.
func (d Document) String() string {
	return fmt.Sprintf("document of %d targets, generation %d", len(d.Entries), d.Generation)
}

// WriteTo writes the document as a file has it: indented, one line per target, ending in a newline. Checksum must be set.
func (d *Document) WriteTo(w io.Writer) (int64, error) {
	head, tail, size, err := d.frame()
	if err != nil {
		return 0, err
	}
	return size, d.write(w, head, tail)
}

// File is an empty file to write to. [os.File] is one.
type File interface {
	io.Writer
	io.WriterAt
}

// WriteFile writes the document like [Document.WriteTo], and sets Checksum. It is for the owner of a document that nobody else has seen. A
// document larger than [MaxBytes] is refused before anything is written.
func (d *Document) WriteFile(f File) (int64, error) { return new(Encoder).WriteFile(d, f) }

// Encoder writes documents one after the other: what a document has in common with the one before is not hashed again. The zero value is ready, and
// its methods must not be called concurrently.
type Encoder struct{ checksums checksums }

// WriteFile does what [Document.WriteFile] does.
func (e *Encoder) WriteFile(d *Document, f File) (int64, error) {
	d.Checksum = strings.Repeat(" ", len(Checksum(nil)))
	head, tail, size, err := d.frame()
	if err != nil {
		return 0, err
	}
	if size > MaxBytes {
		return 0, fmt.Errorf("a snapshot of %d bytes is too large, readers accept %d: publish fewer or smaller targets", size, MaxBytes)
	}
	at := bytes.Index(head, []byte(d.Checksum))
	checksum := sync.OnceValue(func() string { return e.checksums.of(d.Entries) })
	if size >= hashedAside {
		hashed := make(chan struct{})
		defer func() { <-hashed }()
		go func() {
			defer close(hashed)
			defer func() { _ = recover() }() // checksum panics again below
			checksum()
		}()
	}
	if err := d.write(f, head, tail); err != nil {
		return 0, err
	}
	d.Checksum = checksum()
	_, err = f.WriteAt([]byte(d.Checksum), int64(at))
	return size, err
}

// hashedAside is the size from which on a file is hashed while it is written. For smaller ones that costs more than it saves.
const hashedAside = 1 << 20

const (
	lineStart = "\n    "
	lineEnd   = "\n  "
)

// frame returns what stands around the targets of a file, and the size of the file.
func (d *Document) frame() (head, tail []byte, size int64, err error) {
	if head, err = d.head(); err != nil {
		return nil, nil, 0, err
	}
	var end bytes.Buffer
	closeList(&end, len(d.Entries))
	end.WriteString(",\n  \"invalid\": [")
	for i := range d.Rejections {
		line, err := encodeCompact(d.Rejections[i])
		if err != nil {
			return nil, nil, 0, err
		}
		startLine(&end, i)
		end.Write(line)
	}
	closeList(&end, len(d.Rejections))
	end.WriteString("\n}\n")
	length := len(head) + end.Len() + max(0, len(d.Entries)-1)
	for _, e := range d.Entries {
		length += len(lineStart) + len(e.encoded)
	}
	return head, end.Bytes(), int64(length), nil
}

// write writes the targets in their frame. The bufio.Writer keeps the first error until Flush.
func (d *Document) write(w io.Writer, head, tail []byte) error {
	out := bufio.NewWriterSize(w, 64<<10)
	_, _ = out.Write(head)
	for i := range d.Entries {
		_, _ = out.WriteString(lineStart)
		_, _ = out.Write(appendItem(out.AvailableBuffer(), d.Entries, i))
	}
	_, _ = out.Write(tail)
	return out.Flush()
}

// startLine begins the line of item i of a list.
func startLine(w io.StringWriter, i int) {
	if i > 0 {
		_, _ = w.WriteString(",")
	}
	_, _ = w.WriteString(lineStart)
}

func closeList(w io.StringWriter, length int) {
	if length > 0 {
		_, _ = w.WriteString(lineEnd)
	}
	_, _ = w.WriteString("]")
}

// head encodes everything up to the opening bracket of the targets.
func (d *Document) head() ([]byte, error) {
	source, sourceErr := encodeLine(d.Source)
	epoch, epochErr := encodeCompact(d.Epoch)
	if err := cmp.Or(sourceErr, epochErr); err != nil {
		return nil, err
	}
	stamp := func(t time.Time) string { return t.UTC().Format(timeFormat) }
	return fmt.Appendf(nil, `{
  "schema_version": %d,
  "epoch": %s, "generation": %d,
  "checksum": %q,
  "changed_at": %q, "refreshed_at": %q, "stale_after": %q,
  "source": %s,
  "targets_discovered": %d, "targets_valid": %d, "targets_invalid": %d,
  "targets": [`,
		SchemaVersion, epoch, d.Generation, d.Checksum,
		stamp(d.ChangedAt), stamp(d.RefreshedAt), stamp(d.StaleAfter),
		source, d.Discovered, d.Valid, d.Invalid), nil
}

// encodeLine encodes v on one line with the spaces of indented JSON. JSON strings hold no raw line breaks, so each line break stands
// between tokens.
func encodeLine(v any) (string, error) {
	compact, err := encodeCompact(v)
	if err != nil {
		return "", err
	}
	var lines bytes.Buffer
	if err := json.Indent(&lines, compact, "", ""); err != nil {
		return "", err
	}
	return strings.NewReplacer(",\n", ", ", "\n", "").Replace(lines.String()), nil
}
