package reader_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alert-history/refresh-sidecar/test/internal/markdown"
)

// desk is an app's directory beside a copy of this repository, in which the commands of docs/integration.md run as a person types them. Its
// cache of modules is its own: the versions that are made here must not get into the user's.
type desk struct {
	t    *testing.T
	dir  string // of the app
	copy string // of this repository
	env  []string
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: it resolves modules")
	}
	parent := t.TempDir()
	d := &desk{t: t, dir: filepath.Join(parent, "app"), copy: filepath.Join(parent, "refresh-sidecar")}
	if err := os.CopyFS(filepath.Join(d.copy, "pkg/targetsfile"), os.DirFS(readerDir(t))); err != nil {
		t.Fatal(err)
	}
	m := &module{t: t, dir: d.dir}
	m.write("go.mod", "module example.com/app\n\ngo 1.24.0\n")
	m.write("main.go", program([]string{readerPath + "/discovery", promPath}))
	cache := strings.TrimSpace(goCommand(t, parent, nil, "env", "GOMODCACHE"))
	proxy := strings.TrimSpace(goCommand(t, parent, nil, "env", "GOPROXY"))
	for _, dir := range []string{readerDir(t), filepath.Join(readerDir(t), "prom")} {
		goCommand(t, dir, []string{"GOFLAGS="}, "mod", "download")
	}
	d.env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-modcacherw -trimpath", "GOMODCACHE="+t.TempDir(), "GOPROXY=file://"+filepath.ToSlash(cache)+"/cache/download,"+proxy,
		"GONOSUMDB=*", "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
	return d
}

// try runs a script in a directory.
func (d *desk) try(dir, script string) (string, error) {
	cmd := exec.CommandContext(d.t.Context(), "sh", "-euc", script) // #nosec G204 -- commands of our own manual
	cmd.Dir, cmd.Env = dir, d.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (d *desk) run(dir, script string) string {
	d.t.Helper()
	out, err := d.try(dir, script)
	if err != nil {
		d.t.Fatalf("%v\n%s\nof\n%s", err, out, script)
	}
	return out
}

// serve makes the copy a repository and has git find it at a private server's address.
func (d *desk) serve(address string) {
	d.t.Helper()
	served := filepath.Join(d.t.TempDir(), "served.git")
	d.run(d.copy, "git init -q . && git add . && git commit -qm copy && git tag v1.1.0 && git clone -q --bare . "+served+
		" && git remote add origin "+served)
	d.env = append(d.env, "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=url.file://"+filepath.ToSlash(served)+".insteadOf", "GIT_CONFIG_VALUE_0="+address)
}

// guide returns the blocks of a chapter of docs/integration.md that are in these languages.
func guide(t *testing.T, heading string, languages ...string) (texts []string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/integration.md")
	if err != nil {
		t.Fatal(err)
	}
	chapter, _ := markdown.Chapter(string(text), heading)
	blocks, err := markdown.Blocks(chapter)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks {
		if slices.Contains(languages, b.Language) {
			texts = append(texts, b.Text)
		}
	}
	if len(texts) == 0 {
		t.Fatalf("docs/integration.md has no block of %v below %q", languages, heading)
	}
	return texts
}

// What the guide says to do where nobody serves the module gets an app built, command by command.
func TestTheGuidesModules(t *testing.T) {
	t.Parallel()
	t.Run("from a private server", func(t *testing.T) {
		d := newDesk(t)
		d.serve("https://git.example.com/platform/refresh-sidecar")
		commands := guide(t, "### From a private server", "sh")
		if len(commands) != 2 {
			t.Fatalf("got %d blocks, want one for the copy and one for the app", len(commands))
		}
		if out, err := d.try(d.dir, commands[1]); err == nil || !strings.Contains(out, "unknown revision") {
			t.Errorf("got error %v, want one as long as a plain tag is all that there is\n%s", err, out)
		}
		d.run(d.copy, commands[0])
		d.run(d.dir, commands[1]+"go build ./...")
		got := d.run(d.dir, `go list -m -f '{{with .Replace}}{{.Path}} {{.Version}}{{end}}' `+readerPath+" "+promPath)
		const served = "git.example.com/platform/refresh-sidecar.git/pkg/targetsfile"
		if want := served + " v1.1.0\n" + served + "/prom v1.1.0\n"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
	t.Run("from a copy, in Docker, then vendored", func(t *testing.T) {
		d := newDesk(t)
		const heading = "### From a copy in the app's repository"
		d.run(d.dir, strings.Join(guide(t, heading, "sh"), ""))
		buildImage(d, guide(t, heading, "dockerfile")[0])
		d.run(d.dir, strings.Join(guide(t, "### Vendored", "sh"), ""))
		d.env = append(d.env, "GOPROXY=off", "GOMODCACHE="+t.TempDir())
		d.run(d.dir, "go build ./...")
	})
}

// buildImage does what a Dockerfile says, in a directory that has only what was copied there.
func buildImage(d *desk, dockerfile string) {
	d.t.Helper()
	stage, did := d.t.TempDir(), map[string]int{}
	for line := range strings.Lines(dockerfile) {
		instruction, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		did[instruction]++
		switch instruction {
		case "FROM", "WORKDIR":
		case "COPY":
			names := strings.Fields(rest)
			to := filepath.Join(stage, names[len(names)-1])
			for _, name := range names[:len(names)-1] {
				if strings.HasSuffix(name, "/") || name == "." { // of a directory, Docker copies the content
					d.run(d.dir, "mkdir -p "+to+" && cp -R "+name+"/. "+to)
				} else {
					d.run(d.dir, "cp "+name+" "+to)
				}
			}
		case "RUN":
			d.run(stage, rest)
		default:
			d.t.Fatalf("this test does not know %s", instruction)
		}
	}
	if did["COPY"] == 0 || did["RUN"] == 0 {
		d.t.Errorf("got instructions %v, want COPY and RUN", slices.Sorted(maps.Keys(did)))
	}
}
