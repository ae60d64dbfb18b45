package torture_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
)

// fault is something that is done to the sidecar, and what must hold all the same: a row of the table.
type fault struct {
	Area, Name  string
	Made, Holds string
	Figures     []string // measured on the way
	Runs        int
	Violations  int

	t  testing.TB
	mu sync.Mutex
}

// begin enters the fault in the ledger when the test ends. A test that fails for another reason counts as a violation.
func begin(t testing.TB, f *fault) *fault {
	t.Helper()
	f.t = t
	t.Cleanup(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if t.Skipped() {
			return
		}
		if t.Failed() {
			f.Violations = max(1, f.Violations)
		}
		if err := enter(f); err != nil {
			t.Errorf("entering a row in the ledger: %v", err)
		}
	})
	return f
}

// run counts one more time that the fault was made.
func (f *fault) run() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Runs++
}

// violation says what should never have happened. Only the first ten are printed.
func (f *fault) violation(format string, args ...any) {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Violations++
	if f.Violations <= 10 {
		f.t.Errorf(format, args...)
	}
}

// figure adds a measured value to the row.
func (f *fault) figure(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Figures = append(f.Figures, fmt.Sprintf(format, args...))
}

// ledgerVariable names the file of the rows, for the tests of this process and for those of its children.
const ledgerVariable = "TORTURE_LEDGER"

// enter appends a row. Writes of less than a page with O_APPEND do not mix.
func enter(f *fault) error {
	line, err := json.Marshal(f)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(os.Getenv(ledgerVariable), os.O_APPEND|os.O_WRONLY, 0o600) // #nosec G703 -- our own variable
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	_, err = file.Write(append(line, '\n'))
	return err
}

// ledger collects the rows of all tests.
type ledger struct{ path string }

func openLedger() (*ledger, error) {
	file, err := os.CreateTemp("", "torture-ledger")
	if err != nil {
		return nil, err
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	return &ledger{file.Name()}, os.Setenv(ledgerVariable, file.Name())
}

func (l *ledger) close() { _ = os.Remove(l.path) }

func (l *ledger) rows() (rows []*fault, err error) {
	file, err := os.Open(l.path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	scanner := bufio.NewScanner(file)
	for scanner.Scan() {
		row := &fault{}
		if err := json.Unmarshal(scanner.Bytes(), row); err != nil {
			return nil, fmt.Errorf("reading %q: %w", strings.TrimSpace(scanner.Text()), err)
		}
		rows = append(rows, row)
	}
	return rows, scanner.Err()
}
