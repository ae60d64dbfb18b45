package targetsfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"runtime"
	"sync"
)

// blanks is what may stand between the tokens of JSON.
const blanks = " \t\r\n"

const (
	// decodeAlone is how many targets one goroutine decodes before a second one is worth its start.
	decodeAlone = 256
	// mostDecoders is how many goroutines decode at once: more would take cores from the app for little gain.
	mostDecoders = 4
)

// targetError is the first target of a list that could not be decoded.
type targetError struct {
	index int
	err   error
}

// splitList cuts the items of the JSON array at the beginning of data apart and returns them with the length of the array, brackets
// included. It tells strings and brackets from the rest and checks nothing else: an array of which each item is valid is valid. If the
// array does not end, ok is false.
func splitList(data []byte) (items [][]byte, length int, ok bool) {
	begin, depth := 1, 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			i += stringEnd(data[i+1:])
		case '{', '[':
			depth++
		case ',':
			if depth == 1 {
				items = append(items, bytes.Trim(data[begin:i], blanks))
				begin = i + 1
			}
		case '}', ']':
			if depth--; depth == 0 {
				last := bytes.Trim(data[begin:i], blanks)
				if len(items) > 0 || len(last) > 0 {
					items = append(items, last)
				}
				return items, i + 1, data[i] == ']'
			}
		}
	}
	return nil, 0, false
}

// stringEnd returns the length of a JSON string whose first quote stands before data, its last quote included, or the length of data if
// there is no last quote.
func stringEnd(data []byte) int {
	for end := 0; ; {
		quote := bytes.IndexByte(data[end:], '"')
		if quote < 0 {
			return len(data)
		}
		end += quote
		escapes := 0
		for escapes < end && data[end-1-escapes] == '\\' {
			escapes++
		}
		end++
		if escapes%2 == 0 {
			return end
		}
	}
}

// decodeList decodes the items of a list, and many items with several goroutines: decoding is nearly all of what loading a large file
// costs. Items that before holds are not decoded again. Unless before is nil, the digests of all items are returned, too.
func decodeList(items [][]byte, before *known) ([]*Entry, []digest, *targetError) {
	entries := make([]*Entry, len(items))
	var digests []digest
	if before != nil {
		digests = make([]digest, len(items))
	}
	workers := min(mostDecoders, runtime.GOMAXPROCS(0), 1+len(items)/decodeAlone)
	faults := make([]*targetError, workers)
	var running sync.WaitGroup
	for w := range workers {
		from, to := len(items)*w/workers, len(items)*(w+1)/workers
		running.Add(1)
		go func() {
			defer running.Done()
			for i := from; i < to; i++ {
				entry, digest, err := before.decode(items[i])
				if err != nil {
					faults[w] = &targetError{index: i, err: err}
					return
				}
				entries[i] = entry
				if before != nil {
					digests[i] = digest
				}
			}
		}()
	}
	running.Wait()
	for _, fault := range faults { // the first fault in the order of the items counts
		if fault != nil {
			return nil, nil, fault
		}
	}
	return entries, digests, nil
}

var errItemSyntax = errors.New("not JSON") // an error without an offset in the file

// pack keeps the item's compact bytes: the checksum is over bytes, never over a re-encoding.
func (e *Entry) pack(item []byte) error {
	e.encoded = compact(item)
	if len(e.encoded) != len(item) && !json.Valid(item) { // white space was dropped: "1 2" is not JSON, but "12" is
		return errItemSyntax
	}
	return nil
}

// compact returns a copy of src without the white space outside strings. It gives what json.Compact gives for valid JSON, and does not check
// the syntax.
func compact(src []byte) []byte {
	dst := make([]byte, 0, len(src))
	for i := 0; i < len(src); i++ {
		switch c := src[i]; c {
		case ' ', '\t', '\r', '\n':
		case '"':
			end := i + 1 + stringEnd(src[i+1:])
			dst = append(dst, src[i:end]...)
			i = end - 1
		default:
			dst = append(dst, c)
		}
	}
	return dst
}
