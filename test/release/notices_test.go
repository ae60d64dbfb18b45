package release_test

import (
	"bytes"
	"debug/buildinfo"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/alert-history/refresh-sidecar/test/release"
)

// isc is the text of a licence that is allowed.
const isc = `Copyright 2026 Somebody

Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted, provided that the
above copyright notice and this permission notice appear in all copies.

THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF
MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY
DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION,
ARISING OUT OF OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.
`

// wtfpl is the text of a licence that is known, and not allowed.
const wtfpl = `            DO WHAT THE FUCK YOU WANT TO PUBLIC LICENSE
                    Version 2, December 2004

 Copyright (C) 2004 Sam Hocevar <sam@hocevar.net>

 Everyone is permitted to copy and distribute verbatim or modified
 copies of this license document, and changing it is allowed as long
 as the name is changed.

            DO WHAT THE FUCK YOU WANT TO PUBLIC LICENSE
   TERMS AND CONDITIONS FOR COPYING, DISTRIBUTION AND MODIFICATION

  0. You just DO WHAT THE FUCK YOU WANT TO.
`

func TestTheNoticesAreOfWhatIsLinked(t *testing.T) {
	want, err := release.Notices(t.Context(), root, release.Platforms())
	if err != nil {
		t.Fatal(err)
	}
	committed := string(read(t, "THIRD_PARTY_NOTICES.txt"))
	if diff := cmp.Diff(want, committed); diff != "" {
		t.Errorf(`run "make notices" and look at what changes (-want +got):%s`, diff)
	}

	linked := map[string]bool{"stdlib": true}
	for _, architecture := range []string{"amd64", "arm64"} {
		for _, module := range info(t, architecture).Deps {
			if module.Replace == nil { // one of this repository
				linked[module.Path+" "+module.Version] = true
			}
		}
	}
	var listed []string
	_, table, _ := strings.Cut(committed, "\"make notices\".\n\n")
	table, _, _ = strings.Cut(table, "\n\n")
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if fields[0] == "stdlib" {
			fields[1] = ""
		}
		listed = append(listed, strings.TrimSpace(fields[0]+" "+fields[1]))
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(linked)), listed); diff != "" {
		t.Errorf("modules (-in the programs +in the notices):\n%s", diff)
	}
}

func TestTheNoticesAreTheSameWhereverGoIs(t *testing.T) {
	want, err := release.Notices(t.Context(), root, release.Platforms()[:1])
	if err != nil {
		t.Fatal(err)
	}
	for _, variable := range []string{"GOROOT", "GOMODCACHE"} {
		dir, err := exec.CommandContext(t.Context(), "go", "env", variable).Output() // #nosec G204 -- constants
		if err != nil {
			t.Fatal(err)
		}
		elsewhere := filepath.Join(t.TempDir(), "deeper", "elsewhere")
		if err := errors.Join(os.Mkdir(filepath.Dir(elsewhere), 0o700), os.Symlink(strings.TrimSpace(string(dir)), elsewhere)); err != nil {
			t.Fatal(err)
		}
		t.Setenv(variable, elsewhere)
	}
	got, err := release.Notices(t.Context(), root, release.Platforms()[:1])
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("got error %v, and other notices (-want +got):%s", err, diff)
	}
}

// info is what the released program says of how it was built.
func info(t *testing.T, architecture string) *buildinfo.BuildInfo {
	t.Helper()
	info, err := buildinfo.Read(bytes.NewReader(unpack(t, "refresh-sidecar-1.2.3-linux-"+architecture+".tar.gz")[1].Content))
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func TestTheNoticesHoldWhatTheLicencesDemand(t *testing.T) {
	got := noticesOf(t, map[string]string{
		"LICENSE": isc, "NOTICE.md": "made by Somebody", "linked/LICENSE_list": strings.Replace(isc, "Somebody", "Another", 1),
		"other/COPYING": wtfpl, "linked/licence.go": "package linked\n",
	})
	for _, want := range []string{
		"\nexample.com/dependency  v1.0.0  ISC\n", "\nstdlib",
		"\nexample.com/dependency v1.0.0: LICENSE\n\nCopyright 2026 Somebody\n", "\nexample.com/dependency v1.0.0: linked/LICENSE_list\n\nCopyright 2026 Another\n",
		"\nexample.com/dependency v1.0.0: NOTICE.md\n\nmade by Somebody\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
	for _, not := range []string{"other/", "licence.go", "github.com/alert-history"} {
		if strings.Contains(got, not) {
			t.Errorf("%q, which is not linked or not another's, is in:\n%s", not, got)
		}
	}
}

func TestALicenceThatIsUnknownOrNotAllowedIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"none":                    {map[string]string{"README.md": isc}, "example.com/dependency: no licence was found"},
		"unknown":                 {map[string]string{"LICENSE": "Ask me first."}, "example.com/dependency: LICENSE: no known licence: 0 %"},
		"known by its address":    {map[string]string{"LICENSE": "See https://opensource.org/licenses/MIT"}, "example.com/dependency: LICENSE: no known licence"},
		"with conditions":         {map[string]string{"LICENSE": isc + strings.Repeat("Not for the evil. ", 100)}, "example.com/dependency: LICENSE: no known licence"},
		"not allowed":             {map[string]string{"LICENSE": wtfpl}, "example.com/dependency: LICENSE: the licence WTFPL is not among those allowed"},
		"not allowed, in part":    {map[string]string{"LICENSE": isc + wtfpl}, "the licence WTFPL"},
		"not allowed, in package": {map[string]string{"LICENSE": isc, "linked/COPYING.txt": wtfpl}, "example.com/dependency: linked/COPYING.txt: the licence WTFPL"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := release.Notices(t.Context(), program(t, c.files), release.Platforms()[:1])
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func noticesOf(t *testing.T, files map[string]string) string {
	t.Helper()
	text, err := release.Notices(t.Context(), program(t, files), release.Platforms())
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// program makes a repository whose program imports a package of a module with these files.
func program(t *testing.T, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	all := map[string]string{
		"LICENSE": isc,
		"go.mod": "module github.com/alert-history/refresh-sidecar\n\ngo 1.26\n\nrequire example.com/dependency v1.0.0\n\n" +
			"replace example.com/dependency => ./dependency\n",
		"cmd/refresh-sidecar/main.go": "package main\n\nimport _ \"example.com/dependency/linked\"\n\nfunc main() {}\n",
		"dependency/go.mod":           "module example.com/dependency\n\ngo 1.26\n",
		"dependency/linked/linked.go": "package linked\n",
		"dependency/other/other.go":   "package other\n",
	}
	for name, content := range files {
		all["dependency/"+name] = content
	}
	for name, content := range all {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// A module's archive has the files below its go.mod, so that the licence of the repository is not in that of the reader.
func TestEachModuleThatAppsRequireHasTheLicence(t *testing.T) {
	for _, module := range []string{"pkg/targetsfile", "pkg/targetsfile/prom"} {
		if diff := cmp.Diff(string(read(t, "LICENSE")), string(read(t, module+"/LICENSE"))); diff != "" {
			t.Errorf("%s (-LICENSE +its):\n%s", module, diff)
		}
	}
}
