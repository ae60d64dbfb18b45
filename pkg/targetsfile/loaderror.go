package targetsfile

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// Reason says why a file was not accepted.
type Reason string

// Reasons of a [LoadError].
const (
	ReasonMissing     Reason = "missing"
	ReasonPermission  Reason = "permission"
	ReasonIO          Reason = "io"
	ReasonNotRegular  Reason = "not_regular" // a directory, FIFO, device or socket
	ReasonEmpty       Reason = "empty"
	ReasonTooLarge    Reason = "too_large"
	ReasonSyntax      Reason = "syntax" // not JSON, which includes a file that was cut short
	ReasonSchema      Reason = "schema" // JSON, but not a snapshot
	ReasonUnsupported Reason = "unsupported_version"
	ReasonChecksum    Reason = "checksum"
	ReasonRollback    Reason = "rollback" // older than, or differing from, the snapshot held
)

// LoadError says why a file was not accepted. It never holds a part of the file.
type LoadError struct {
	Path   string // empty for bytes that were decoded without a file
	Reason Reason
	Err    error
}

// Error describes the fault.
func (e *LoadError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("snapshot refused (%s): %v", e.Reason, e.Err)
	}
	return fmt.Sprintf("snapshot %s refused (%s): %v", e.Path, e.Reason, e.Err)
}

// Unwrap returns the cause.
func (e *LoadError) Unwrap() error { return e.Err }

func refuse(reason Reason, format string, args ...any) error {
	return &LoadError{Reason: reason, Err: fmt.Errorf(format, args...)}
}

// refuseFile turns any error into a [*LoadError] that names the file.
func refuseFile(path string, err error) error {
	var load *LoadError
	if errors.As(err, &load) {
		return &LoadError{Path: path, Reason: load.Reason, Err: load.Err}
	}
	var named *fs.PathError // its text repeats the path
	if errors.As(err, &named) {
		err = named.Err
	}
	reason := ReasonIO
	switch {
	case errors.Is(err, fs.ErrNotExist):
		reason = ReasonMissing
	case errors.Is(err, fs.ErrPermission):
		reason = ReasonPermission
	case errors.Is(err, syscall.ENXIO), errors.Is(err, syscall.EOPNOTSUPP): // how Linux and macOS refuse to open a socket
		reason = ReasonNotRegular
	}
	return &LoadError{Path: path, Reason: reason, Err: err}
}
