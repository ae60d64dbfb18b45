package sidecar

import (
	"errors"
	"os"

	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

// Document returns the snapshot in place, nil if there is none. A file that is no whole snapshot fails the test.
func (p *Process) Document() *targetsfile.Document {
	p.t.Helper()
	d, err := targetsfile.ReadFile(p.Path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return d
}

// Names returns the names of the published targets, with a ' after a stale one.
func (p *Process) Names() []string {
	p.t.Helper()
	names := []string{}
	if d := p.Document(); d != nil {
		for _, e := range d.Entries {
			name := e.Name
			if !e.StaleSince.IsZero() {
				name += "'"
			}
			names = append(names, name)
		}
	}
	return names
}
