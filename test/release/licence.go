package release

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// Module is a module that is linked into the program, with the papers of the packages that are.
type Module struct {
	Path    string
	Version string // empty: the standard library, or a module of this repository
	Papers  []Paper
}

// Paper is a licence, or a file that a licence demands to be passed on.
type Paper struct {
	Name     string // the path in the module
	Text     string
	Licences []string // SPDX identifiers; none: no licence but a notice
}

// Licences are the SPDX identifiers of the licences that a module is under.
func (m Module) Licences() (ids []string) {
	for _, paper := range m.Papers {
		ids = append(ids, paper.Licences...)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// modules groups packages by module. A module without a licence, with one that is not recognised, or with one that is not allowed, is an
// error; all of them are told.
func modules(packages []goPackage) (list []Module, err error) {
	byPath := map[string]*Module{}
	read := map[string]bool{} // directories
	var faults []error
	for _, p := range packages {
		m := byPath[p.module()]
		if m == nil {
			m = &Module{Path: p.module(), Version: p.Module.Version}
			if isOurs(m.Path) {
				m.Version = ""
			}
			byPath[m.Path] = m
		}
		for dir := p.Dir; !read[dir]; dir = filepath.Dir(dir) {
			read[dir] = true
			papers, err := papersIn(dir, p.moduleDir())
			if err != nil {
				faults = append(faults, fmt.Errorf("%s: %w", m.Path, err))
			}
			m.Papers = append(m.Papers, papers...)
			if dir == p.moduleDir() {
				break
			}
		}
	}
	for _, m := range byPath {
		slices.SortFunc(m.Papers, func(a, b Paper) int { return cmp.Compare(a.Name, b.Name) })
		if len(m.Licences()) == 0 {
			faults = append(faults, fmt.Errorf("%s: no licence was found", m.Path))
		}
		list = append(list, *m)
	}
	slices.SortFunc(list, func(a, b Module) int { return cmp.Compare(a.Path, b.Path) })
	return list, errors.Join(faults...)
}

// The names of papers. Licences are read, the others are copied.
var (
	licenceName = regexp.MustCompile(`(?i)^(un)?licen[cs]e([-._].*)?$|^copying([-._].*)?$`)
	noticeName  = regexp.MustCompile(`(?i)^(notice|patents|copyright)([-._].*)?$`)
)

// notLinked are papers in directories of linked packages that are for something else: Go's own boringcrypto is a stub without cgo, and this
// is the licence of the object files that it is linked with otherwise.
var notLinked = []string{"src/crypto/internal/boring/LICENSE"}

// papersIn reads the papers in a directory of a module.
func papersIn(dir, moduleDir string) (papers []Paper, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	prefix, err := filepath.Rel(moduleDir, dir)
	if err != nil {
		return nil, err
	}
	var faults []error
	for _, entry := range entries {
		isLicence := licenceName.MatchString(entry.Name())
		if entry.IsDir() || strings.HasSuffix(entry.Name(), ".go") || !isLicence && !noticeName.MatchString(entry.Name()) {
			continue
		}
		name := path.Join(filepath.ToSlash(prefix), entry.Name())
		if slices.Contains(notLinked, name) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, entry.Name())) // #nosec G304 -- a file of a module
		if err != nil {
			return nil, err
		}
		paper := Paper{Name: name, Text: string(text)}
		if isLicence {
			if paper.Licences, err = classify(text); err != nil {
				faults = append(faults, fmt.Errorf("%s: %w", paper.Name, err))
			}
		}
		papers = append(papers, paper)
	}
	return papers, errors.Join(faults...)
}

// allowed are the licences whose conditions a release keeps by passing on the texts. MPL-2.0 also asks to say where the source is, which
// the head of the notices does.
var allowed = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0"}

// leastCoverage is the part of a licence's file, in percent of its words, that has to be a known licence; pkg.go.dev asks for as much.
// The rest are copyright lines, or sentences on which files the licence is for.
const leastCoverage = 75

// classify returns the licences of a text, if all are known and allowed.
func classify(text []byte) (ids []string, err error) {
	coverage := licensecheck.Scan(text)
	for _, match := range coverage.Match {
		if match.IsURL {
			continue
		}
		if !slices.Contains(allowed, match.ID) {
			return nil, fmt.Errorf("the licence %s is not among those allowed, %s", match.ID, strings.Join(allowed, ", "))
		}
		ids = append(ids, match.ID)
	}
	if len(ids) == 0 || coverage.Percent < leastCoverage {
		return nil, fmt.Errorf("no known licence: %.0f %% of it are one", coverage.Percent)
	}
	return ids, nil
}
