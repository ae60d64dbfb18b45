// Package bundle writes and reads tar archives of files in memory. The same files give the same bytes, whoever writes them and when: no owner, and no
// time but the one that is given.
package bundle

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// File is a file of an archive, or a directory.
type File struct {
	Name    string // with slashes; that of a directory ends with one
	Mode    int64  // the permissions, such as 0o644
	Content []byte
}

// Write writes the files as a tar archive, in their order, all of the same time; the zero time is 1970.
func Write(w io.Writer, date time.Time, files []File) error {
	out := tar.NewWriter(w)
	for _, file := range files {
		header := &tar.Header{Name: file.Name, Mode: file.Mode, Size: int64(len(file.Content)), ModTime: date, Typeflag: tar.TypeReg}
		if strings.HasSuffix(file.Name, "/") {
			header.Typeflag = tar.TypeDir
		}
		if err := out.WriteHeader(header); err != nil {
			return fmt.Errorf("archiving %s: %w", file.Name, err)
		}
		if _, err := out.Write(file.Content); err != nil {
			return fmt.Errorf("archiving %s: %w", file.Name, err)
		}
	}
	return out.Close() // it writes the end, without which the archive is cut short
}

// Compress is Write, compressed by gzip.
func Compress(w io.Writer, date time.Time, files []File) error {
	out := gzip.NewWriter(w)
	return errors.Join(Write(out, date, files), out.Close())
}

// Read reads the files of a tar archive, compressed or not.
func Read(r io.Reader) (files []File, err error) {
	buffered := bufio.NewReader(r)
	r = buffered
	if magic, err := buffered.Peek(2); err == nil && string(magic) == "\x1f\x8b" {
		if r, err = gzip.NewReader(buffered); err != nil {
			return nil, err
		}
	}
	for in := tar.NewReader(r); ; {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(in)
		if err != nil {
			return nil, err
		}
		files = append(files, File{Name: header.Name, Mode: header.Mode, Content: content})
	}
}
