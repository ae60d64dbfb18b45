package targetsfile

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// ReadFile reads the snapshot file at path, with the encoded bytes of its entries, for a writer that goes on from it. Errors are
// [*LoadError].
func ReadFile(path string) (*Document, error) {
	var data []byte
	if _, err := readRegular(path, MaxBytes, &data); err != nil {
		return nil, refuseFile(path, err)
	}
	doc, err := Decode(data)
	if err != nil {
		return nil, refuseFile(path, err)
	}
	return doc, nil
}

// readRegular reads a regular file of at most limit bytes into a buffer, whose content it replaces. Whatever else stands at path is refused
// without waiting for it. Once the file is open, info is set, error or not: it is taken before the first byte is read, so that a write
// meanwhile shows at the next look.
func readRegular(path string, limit int64, into *[]byte) (info fs.FileInfo, err error) {
	file, err := os.OpenFile(path, os.O_RDONLY|openNonblock, 0) // #nosec G304 -- the path that the app configured
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info, err = file.Stat(); err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return info, refuse(ReasonNotRegular, "not a regular file, its mode is %s", info.Mode())
	}
	if info.Size() > limit {
		return info, tooLarge(limit)
	}
	buffer := bytes.NewBuffer((*into)[:0])
	buffer.Grow(int(info.Size()) + bytes.MinRead)
	if _, err := buffer.ReadFrom(io.LimitReader(file, limit+1)); err != nil {
		return info, fmt.Errorf("reading: %w", err)
	}
	*into = buffer.Bytes()
	if int64(len(*into)) > limit { // the file has grown since its size was checked
		return info, tooLarge(limit)
	}
	return info, nil
}

func tooLarge(limit int64) error { return refuse(ReasonTooLarge, "the limit is %d bytes", limit) }

// unchanged reports whether path still has the file that info describes, as far as that shows without reading it.
func unchanged(path string, info fs.FileInfo) bool {
	now, err := os.Stat(path)
	return err == nil && info != nil && hasSameContent(info, now) && changeTime(info).Equal(changeTime(now))
}

// hasSameContent reports whether two looks at a file show the same in all that an event would announce. The change time does not count: it
// moves with the number of the file's names, also of names in other directories.
func hasSameContent(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}
