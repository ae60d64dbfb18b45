package release

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/alert-history/refresh-sidecar/test/image"
)

// mainModule is the module of the program. The modules below it are in the same repository, under the same licence.
const mainModule = "github.com/alert-history/refresh-sidecar"

// standardLibrary stands for the packages that come with Go, as the vulnerability databases call them.
const standardLibrary = "stdlib"

// goPackage is a package that is linked into the program, as `go list` describes it.
type goPackage struct {
	ImportPath string
	Dir        string
	Standard   bool
	Imports    []string
	Module     struct{ Path, Version, Dir string }
}

// module is the path of the package's module.
func (p goPackage) module() string {
	if p.Standard {
		return standardLibrary
	}
	return p.Module.Path
}

// moduleDir is where the package's module is.
func (p goPackage) moduleDir() string {
	if p.Standard {
		// Not what `go list` calls the root: for vendor/golang.org/x/text that is the program's own golang.org/x/text.
		return strings.TrimSuffix(p.Dir, filepath.FromSlash("/src/"+p.ImportPath))
	}
	return p.Module.Dir
}

// isOurs tells whether a module is of this repository.
func isOurs(module string) bool {
	return module == mainModule || strings.HasPrefix(module, mainModule+"/")
}

// linked lists the packages that are linked into the program on a platform.
func linked(ctx context.Context, dir string, platform v1.Platform) (packages []goPackage, err error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-deps", "-json=ImportPath,Dir,Standard,Imports,Module", "./cmd/"+program) // #nosec G204 -- constant
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), image.Environment(platform)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("listing the packages for %s: %w\n%s", platform, err, stderr.String())
	}
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, fmt.Errorf("reading the list of packages for %s: %w", platform, err)
		}
		packages = append(packages, p)
	}
}
