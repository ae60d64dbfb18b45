package torture_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// rawFile is a snapshot file as this test reads it, independently of package targetsfile: what both misread alike would go unseen.
type rawFile struct {
	SchemaVersion int             `json:"schema_version"`
	Epoch         string          `json:"epoch"`
	Generation    uint64          `json:"generation"`
	Checksum      string          `json:"checksum"`
	ChangedAt     time.Time       `json:"changed_at"`
	RefreshedAt   time.Time       `json:"refreshed_at"`
	StaleAfter    time.Time       `json:"stale_after"`
	Discovered    int             `json:"targets_discovered"`
	Valid         int             `json:"targets_valid"`
	Invalid       int             `json:"targets_invalid"`
	RawTargets    json.RawMessage `json:"targets"`

	names   []string
	stale   int
	numbers map[string]int // by name: the number at the end of the URL, see webhook
}

// parseRaw reads a file. The error says what is wrong with it, whatever came before.
func parseRaw(data []byte) (*rawFile, error) {
	f := &rawFile{numbers: map[string]int{}}
	if len(data) == 0 {
		return nil, errors.New("the file is empty")
	}
	if !bytes.HasSuffix(data, []byte("}\n")) {
		return nil, errors.New("the file does not end as it should")
	}
	if err := json.Unmarshal(data, f); err != nil {
		return nil, fmt.Errorf("the file is no JSON: %w", err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, f.RawTargets); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(compact.Bytes())
	if want := "sha256:" + hex.EncodeToString(sum[:]); f.Checksum != want {
		return nil, fmt.Errorf("the checksum is %s, the targets have %s", f.Checksum, want)
	}
	if err := f.readTargets(); err != nil {
		return nil, err
	}
	switch {
	case f.SchemaVersion != 1 || f.Epoch == "" || f.Generation == 0 || f.ChangedAt.IsZero() || f.RefreshedAt.IsZero():
		return nil, errors.New("a field of the head is missing")
	case f.Valid+f.Invalid != f.Discovered || f.Valid+f.stale != len(f.names):
		return nil, fmt.Errorf("the counts do not fit: %d discovered, %d valid, %d invalid, %d targets, %d of them stale",
			f.Discovered, f.Valid, f.Invalid, len(f.names), f.stale)
	case !slices.IsSorted(f.names) || len(slices.Compact(slices.Clone(f.names))) != len(f.names):
		return nil, errors.New("names are out of order, or there twice")
	}
	return f, nil
}

func (f *rawFile) readTargets() error {
	var targets []struct {
		Name       string
		URL        string
		StaleSince *time.Time `json:"stale_since"`
	}
	if err := json.Unmarshal(f.RawTargets, &targets); err != nil {
		return err
	}
	for _, t := range targets {
		f.names = append(f.names, t.Name)
		if t.StaleSince != nil {
			f.stale++
		}
		if number, err := strconv.Atoi(t.URL[strings.LastIndexByte(t.URL, '/')+1:]); err == nil {
			f.numbers[t.Name] = number
		}
	}
	return nil
}

// follows returns an error if this file must not come after the other one.
func (f *rawFile) follows(before *rawFile) error {
	switch {
	case f.Epoch != before.Epoch:
		return fmt.Errorf("epoch %s follows %s", f.Epoch, before.Epoch)
	case f.Generation < before.Generation:
		return fmt.Errorf("generation %d follows %d", f.Generation, before.Generation)
	case f.Generation == before.Generation && f.Checksum != before.Checksum:
		return fmt.Errorf("generation %d has two contents", f.Generation)
	case f.ChangedAt.Before(before.ChangedAt), f.RefreshedAt.Before(before.RefreshedAt):
		return fmt.Errorf("generation %d goes back in time", f.Generation)
	}
	for name, number := range before.numbers {
		if now, there := f.numbers[name]; there && now < number {
			return fmt.Errorf("generation %d has %s at %d after %d", f.Generation, name, now, number)
		}
	}
	return nil
}

// lost returns the first of the names that the file does not have.
func (f *rawFile) lost(names []string) string {
	for _, name := range names {
		if _, found := slices.BinarySearch(f.names, name); !found {
			return name
		}
	}
	return ""
}

// readRaw returns the snapshot in place, nil if there is none. One that is wrong fails the test.
func readRaw(t testing.TB, path string) *rawFile {
	t.Helper()
	data, err := os.ReadFile(path) // #nosec G304 -- the test's own file
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	f, err := parseRaw(data)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
