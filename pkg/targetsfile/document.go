package targetsfile

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

const (
	// SchemaVersion is the version of the file format that this package reads and writes.
	SchemaVersion = 1
	// MaxBytes is the size limit of a file, for its writer and its readers alike.
	MaxBytes = 64 << 20
	// MaxTargetBytes is the size limit of one encoded target.
	MaxTargetBytes = 256 << 10
	// MaxRejections is how many rejected Secrets a file lists; its counts go on.
	MaxRejections = 1000
)

// Document is the content of one snapshot file. A published document is immutable.
type Document struct {
	Epoch      string // a UUID; changes when generations start again
	Generation uint64 // from 1; rises exactly when Checksum changes
	Checksum   string // of Entries, see [Checksum]

	ChangedAt   time.Time // when Generation last rose
	RefreshedAt time.Time // end of the last complete LIST
	StaleAfter  time.Time // from then on nothing vouches for the content

	Source     Source
	Discovered int // labelled Secrets
	Valid      int // those whose present content is in Entries
	Invalid    int // the rest

	Entries    []Entry     // ascending by name, names unique
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
	Path          string   `json:"path,omitempty"` // manifests only
}

// Equal reports whether both name the same place.
func (s Source) Equal(o Source) bool {
	return s.Kind == o.Kind && s.LabelSelector == o.LabelSelector && s.Path == o.Path && slices.Equal(s.Namespaces, o.Namespaces)
}

// Reasons of a [Rejection].
const (
	RejectParse     = "parse"     // not readable as a target at all
	RejectValidate  = "validate"  // a field breaks its rule
	RejectDuplicate = "duplicate" // its name belongs to another Secret
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

// WriteTo writes the document as a file has it: indented, one line per target, ending in a newline.
func (d *Document) WriteTo(w io.Writer) (int64, error) {
	head, err := d.head()
	if err != nil {
		return 0, err
	}
	out := countingWriter{w: bufio.NewWriterSize(w, 64<<10)}
	out.write(head)
	for i := range d.Entries {
		out.line(i, d.Entries[i].encoded)
	}
	out.closeList(len(d.Entries))
	out.write([]byte(",\n  \"invalid\": ["))
	for i := range d.Rejections {
		line, err := encodeCompact(d.Rejections[i])
		if err != nil {
			return out.n, err
		}
		out.line(i, line)
	}
	out.closeList(len(d.Rejections))
	out.write([]byte("\n}\n"))
	return out.n, out.w.Flush()
}

// head encodes everything up to the opening bracket of the targets.
func (d *Document) head() ([]byte, error) {
	source, err := encodeLine(d.Source)
	if err != nil {
		return nil, err
	}
	epoch, err := encodeCompact(d.Epoch)
	if err != nil {
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

// encodeLine encodes v on one line with the spaces of indented JSON. Strings hold no line breaks, so those are all between tokens.
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

// countingWriter writes the lines of a list. The bufio.Writer keeps the first error until Flush.
type countingWriter struct {
	w *bufio.Writer
	n int64
}

func (c *countingWriter) write(b []byte) {
	n, _ := c.w.Write(b)
	c.n += int64(n)
}

func (c *countingWriter) line(i int, item []byte) {
	if i > 0 {
		c.write([]byte(","))
	}
	c.write([]byte("\n    "))
	c.write(item)
}

func (c *countingWriter) closeList(length int) {
	if length > 0 {
		c.write([]byte("\n  "))
	}
	c.write([]byte("]"))
}
