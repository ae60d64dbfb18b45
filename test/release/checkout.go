package release

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/alert-history/refresh-sidecar/test/image"
	"github.com/alert-history/refresh-sidecar/test/internal/bundle"
)

const (
	program    = "refresh-sidecar"
	repository = "alert-history/refresh-sidecar" // of the image
	source     = "https://" + mainModule
	licence    = "Apache-2.0"
)

// Platforms are those that a release is for.
func Platforms() []v1.Platform {
	return []v1.Platform{{OS: "linux", Architecture: "amd64"}, {OS: "linux", Architecture: "arm64"}}
}

// Checkout is the repository at a commit.
type Checkout struct {
	Dir       string
	Version   string // what a release of it is called, such as 1.2.3
	Revision  string // the commit; "unknown" where there is no history
	Committed time.Time
}

// Open reads which commit is checked out in a directory. An unpacked source archive has none, and its images say so.
func Open(ctx context.Context, dir, version string) (Checkout, error) {
	c := Checkout{Dir: dir, Version: version, Revision: "unknown", Committed: time.Unix(0, 0).UTC()}
	if _, err := os.Stat(filepath.Join(dir, ".git")); errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	out, err := c.git(ctx, "show", "-s", "--format=%H %ct", "HEAD")
	if err != nil {
		return Checkout{}, err
	}
	revision, seconds, _ := strings.Cut(strings.TrimSpace(out), " ")
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return Checkout{}, fmt.Errorf("reading the time of commit %s: %w", revision, err)
	}
	c.Revision, c.Committed = revision, time.Unix(unix, 0).UTC()
	return c, nil
}

// git runs git in the checkout and returns what it prints.
func (c Checkout) git(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", c.Dir}, args...)...) // #nosec G204 -- our own arguments
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out), nil
}

// isCommitted returns an error if a file differs from the commit, which nobody else could build again.
func (c Checkout) isCommitted(ctx context.Context) error {
	changed, err := c.git(ctx, "status", "--porcelain", "--untracked-files=all") // whatever its user's configuration says
	if err == nil && changed != "" {
		err = errors.New("a release is made of a commit; commit these changes, or remove them:\n" + changed)
	}
	return err
}

// papers are the licence of the program and those of what is linked into it.
func (c Checkout) papers() (files []bundle.File, err error) {
	for _, name := range []string{"LICENSE", noticesFile} {
		file, err := c.file(name)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

// file reads a file of the repository. Its mode is not the one in the checkout, which depends on who made it.
func (c Checkout) file(name string) (bundle.File, error) {
	content, err := os.ReadFile(filepath.Join(c.Dir, name)) // #nosec G304 -- a file of the repository
	return bundle.File{Name: name, Mode: 0o644, Content: content}, err
}

// Image says how the image of the sidecar is built.
func (c Checkout) Image() (image.Spec, error) {
	papers, err := c.papers()
	if err != nil {
		return image.Spec{}, err
	}
	files := []bundle.File{{Name: "licenses/", Mode: 0o755}}
	for _, paper := range papers {
		paper.Name = "licenses/" + paper.Name
		files = append(files, paper)
	}
	return image.Spec{
		Dir: c.Dir, Package: "./cmd/" + program, Version: c.Version, Port: "8095/tcp", Platforms: Platforms(),
		Files: files, Created: c.Committed,
		Labels: map[string]string{
			"org.opencontainers.image.source":   source,
			"org.opencontainers.image.revision": c.Revision,
			"org.opencontainers.image.licenses": licence,
			"org.opencontainers.image.created":  c.Committed.Format(time.RFC3339),
		},
	}, nil
}

// ImageName is the image's name with its tag.
func (c Checkout) ImageName() string { return repository + ":" + c.Version }
