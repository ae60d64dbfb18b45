package targetsfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"
	"unicode/utf8"
)

// files makes one file after the other of what a program of bytes says.
type files struct {
	t          testing.TB
	program    []byte
	targets    []Target
	epoch      byte
	generation uint64
}

// next returns the next byte of the program, less than below.
func (f *files) next(below int) int {
	if len(f.program) == 0 || below == 0 {
		return 0
	}
	b := f.program[0]
	f.program = f.program[1:]
	return int(b) % below
}

// file changes the targets, and lays out the file that then follows: as a sidecar does, or in other white space, or damaged.
func (f *files) file() []byte {
	f.generation++
	for range f.next(4) {
		f.change()
	}
	at := time.Unix(int64(f.next(8)), 0).UTC()
	doc := &Document{Epoch: string('a' + f.epoch), Generation: f.generation, ChangedAt: at, RefreshedAt: at, StaleAfter: at}
	for i := range f.targets {
		e, err := NewEntry(f.targets[i])
		if err != nil {
			f.t.Fatal(err)
		}
		doc.Entries = append(doc.Entries, e)
	}
	doc.Checksum = Checksum(doc.Entries)
	var text, other bytes.Buffer
	if _, err := doc.WriteTo(&text); err != nil {
		f.t.Fatal(err)
	}
	switch f.next(12) {
	case 0:
		if err := json.Indent(&other, text.Bytes(), "\r", " "); err != nil {
			f.t.Fatal(err)
		}
		return other.Bytes()
	case 1:
		if err := json.Compact(&other, text.Bytes()); err != nil {
			f.t.Fatal(err)
		}
		return other.Bytes()
	case 2:
		return text.Bytes()[:text.Len()*f.next(256)/256]
	case 3:
		text.Bytes()[text.Len()*f.next(256)/256] ^= byte(1 + f.next(255))
	case 4: // older than what is held, or of the same generation
		return bytes.Replace(text.Bytes(), fmt.Appendf(nil, `"generation": %d`, f.generation), fmt.Appendf(nil, `"generation": %d`, 1+f.next(int(f.generation))), 1)
	}
	return text.Bytes()
}

func (f *files) change() {
	names := []string{"a", "aa", "b", "c-1", "c-2", "d", "e", "f", "g", "h"}
	i := f.next(len(f.targets))
	switch kind := f.next(8); {
	case kind < 2 || len(f.targets) == 0:
		t := Target{Name: names[f.next(len(names))], Type: "webhook", URL: fmt.Sprintf("https://example.com/%d", f.next(3))}
		at, found := slices.BinarySearchFunc(f.targets, t, func(a, b Target) int { return bytes.Compare([]byte(a.Name), []byte(b.Name)) })
		if found && f.next(8) > 0 { // now and then there are two of one name
			f.targets[at] = t
			return
		}
		f.targets = slices.Insert(f.targets, at, t)
	case kind == 2:
		f.targets = slices.Delete(f.targets, i, i+1)
	case kind == 3:
		f.targets[i].Headers = map[string]string{"X-A": []string{"1", "ü", `"`, "\u2028", "}],{"}[f.next(5)]}
	case kind == 4:
		f.targets[i].FilterConfig = json.RawMessage([]string{`{}`, `{"a":[1.50,"]}"]}`, `null`, `"x"`}[f.next(4)])
	case kind == 5:
		f.targets[i].Extra = map[string]json.RawMessage{"note": json.RawMessage([]string{`1`, `{ "a" : "\\\"" }`}[f.next(2)])}
	case kind == 6:
		f.targets[i].StaleSince = time.Unix(int64(f.next(4)), 0)
	case kind == 7 && f.next(4) == 0:
		f.epoch = byte(f.next(3))
	default: // names out of order, now and then
		f.targets[i].Name = names[f.next(len(names))]
		if f.next(8) > 0 {
			slices.SortFunc(f.targets, func(a, b Target) int { return bytes.Compare([]byte(a.Name), []byte(b.Name)) })
		}
	}
}

// holdToFreshLoads has one loader decode one file after the other, and holds each result to that of a loader which has seen no other file: what
// is accepted, what is refused and why, and every target by every way to ask for it.
func holdToFreshLoads(t testing.TB, program []byte) {
	t.Helper()
	f := files{t: t, program: program}
	l := loader{log: slog.New(slog.DiscardHandler)}
	var held *Snapshot
	for len(f.program) > 0 {
		data := f.file()
		fresh, freshErr := Decode(data)
		next, err := l.decode(data, held)
		if held != nil && freshErr == nil && isRollback(held, fresh) {
			fresh, freshErr = nil, refuse(ReasonRollback, "")
		}
		var got, want *LoadError
		errors.As(err, &got)
		errors.As(freshErr, &want)
		if (got == nil) != (want == nil) || got != nil && got.Reason != want.Reason {
			t.Fatalf("got error %v, want %v for\n%s", err, freshErr, data)
		}
		if err != nil {
			continue
		}
		holdTo(t, next, newSnapshot(fresh, nil))
		held = next
	}
}

func holdTo(t testing.TB, got, want *Snapshot) {
	t.Helper()
	if !reflect.DeepEqual(got.head, want.head) {
		t.Fatalf("got head %+v, want %+v", got.head, want.head)
	}
	if !reflect.DeepEqual(got.index.byName, want.index.byName) || got.Len() != want.Len() {
		t.Fatalf("got index %v, want %v", got.index.byName, want.index.byName)
	}
	for i, e := range want.list() {
		if g := got.list()[i]; g.encoded != e.encoded || !reflect.DeepEqual(wireTarget(g.Target), wireTarget(e.Target)) {
			t.Fatalf("got target %q as %#v, want %q as %#v", g.encoded, wireTarget(g.Target), e.encoded, wireTarget(e.Target))
		}
	}
	if got.Checksum() != Checksum(got.list()) {
		t.Fatalf("got checksum %s, its targets have %s", got.Checksum(), Checksum(got.list()))
	}
}

func TestLoadsAfterLoadsAreAsFreshLoads(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2)) // #nosec G404 -- the same programs each time
	for range 100 {
		program := make([]byte, 400)
		for i := range program {
			program[i] = byte(random.Uint32())
		}
		holdToFreshLoads(t, program)
	}
}

func FuzzLoadsAfterLoads(f *testing.F) {
	f.Add([]byte("\x03\x00\x00\x01\x01\x02\x03\x04\x05\x06\x07\x08\x09"))
	f.Fuzz(func(t *testing.T, program []byte) { holdToFreshLoads(t, program[:min(len(program), 1000)]) })
}

// FuzzScanEntry holds what is decoded without package json to what package json makes of it.
func FuzzScanEntry(f *testing.F) {
	f.Add(`{"name":"a","type":"webhook","url":"https://h/p","format":"webhook","enabled":true,"headers":{"A":"b","C":"d"},"filter_config":{"a":[1.50,"]}"]},` +
		`"extra":{"x":null,"y":"}"},"secret":"n/a","secret_uid":"u","stale_since":"2026-01-02T10:00:00.123Z"}`)
	f.Add(`{"name":"","type":"","url":"","format":"","enabled":false,"headers":{},"filter_config":{},"secret":""}`)
	for _, filter := range []string{`{"a": 1}`, `{"a":1 2}`, `{"a":tr ue}`, `nope`, "{\"a\":\"\t\"}", `{"a":"\u0041"}`, `[`, ``} {
		f.Add(`{"name":"a","type":"","url":"","format":"","enabled":false,"headers":{},"filter_config":` + filter + `,"secret":""}`)
	}
	for _, name := range []string{`\u0041`, `\"`, "\t", `x","type":"y`, ``} {
		f.Add(`{"name":"` + name + `","type":"","url":"","format":"","enabled":false,"headers":{"A":"` + name + `","A":"b"},"filter_config":{},"secret":""}`)
	}
	f.Fuzz(func(t *testing.T, encoded string) {
		got, ok := scanEntry(encoded)
		if !ok || !utf8.ValidString(encoded) { // decodeEntry has refused what is not UTF-8 before
			return
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, []byte(encoded)); err != nil || compact.String() != encoded {
			t.Fatalf("got a target from %q, which is not compact JSON: %v", encoded, err)
		}
		var want wireTarget
		if err := json.Unmarshal([]byte(encoded), &want); err != nil {
			t.Fatalf("got a target from %q, package json says %v", encoded, err)
		}
		want.StaleSince = want.StaleSince.UTC()
		if !reflect.DeepEqual(wireTarget(got.Target), want) {
			t.Fatalf("got %#v, want %#v", wireTarget(got.Target), want)
		}
	})
}

// The checksum of a list is the same whatever lists were summed before.
func TestChecksumsAfterChecksums(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4)) // #nosec G404 -- the same lists each time
	var list []*Entry
	var sums checksums
	for i := range 1000 {
		e, err := NewEntry(Target{Name: fmt.Sprint(i)})
		if err != nil {
			t.Fatal(err)
		}
		list = slices.Clone(list)
		switch at := random.IntN(len(list) + 1); {
		case i%50 == 49: // the hash's state is kept where this may cut
			list = list[:at/entriesPerState*entriesPerState]
		case at < len(list) && random.IntN(3) == 0:
			list[at] = e
		default:
			list = slices.Insert(list, at, e, e, e)
		}
		if got, want := sums.of(list), Checksum(list); got != want {
			t.Fatalf("list %d: got %s, want %s", i, got, want)
		}
	}
}
