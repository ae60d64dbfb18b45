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
	content, err := readRegular(path, MaxBytes)
	if err != nil {
		return nil, refuseFile(path, err)
	}
	doc, err := Decode(content.data)
	if err != nil {
		return nil, refuseFile(path, err)
	}
	return doc, nil
}

// content is what was read from one file.
type content struct {
	data []byte
	info fs.FileInfo // taken before the first byte is read, so that a write meanwhile shows at the next look
}

// readRegular reads a regular file of at most limit bytes. Whatever else stands at path is refused without waiting for it. Once the
// file is open, content.info is set, error or not.
func readRegular(path string, limit int64) (content, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|openNonblock, 0) // #nosec G304 -- the path that the app configured
	if err != nil {
		return content{}, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return content{}, err
	}
	if !info.Mode().IsRegular() {
		return content{info: info}, refuse(ReasonNotRegular, "not a regular file, its mode is %s", info.Mode())
	}
	if info.Size() > limit {
		return content{info: info}, tooLarge(limit)
	}
	buf := bytes.NewBuffer(make([]byte, 0, info.Size()+bytes.MinRead))
	if _, err := buf.ReadFrom(io.LimitReader(file, limit+1)); err != nil {
		return content{info: info}, fmt.Errorf("reading: %w", err)
	}
	if int64(buf.Len()) > limit { // the file has grown since its size was checked
		return content{info: info}, tooLarge(limit)
	}
	return content{data: buf.Bytes(), info: info}, nil
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
