// Package release makes a release of a commit: archives of the program, the image, the Helm chart, software bills of materials and their
// checksums.
//
// The same commit, version and release of Go give the same bytes, wherever and whenever: all times are the commit's. Not promised: that
// they are signed, or published anywhere.
package release

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/alert-history/refresh-sidecar/test/image"
	"github.com/alert-history/refresh-sidecar/test/internal/bundle"
)

// Write writes a release into a new directory.
func (c Checkout) Write(ctx context.Context, dir string) error {
	if err := c.isCommitted(ctx); err != nil {
		return err
	}
	files, err := c.files(ctx)
	if err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil { // #nosec G301 -- for everybody
		return err
	}
	var sums bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(files)) {
		_, _ = fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(files[name]), name)
	}
	files["SHA256SUMS"] = sums.Bytes()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil { // #nosec G306 -- for everybody
			return err
		}
	}
	return nil
}

// files returns the files of a release by name, without their checksums.
func (c Checkout) files(ctx context.Context) (map[string][]byte, error) {
	if err := c.noticesAreCurrent(ctx); err != nil {
		return nil, err
	}
	spec, err := c.Image()
	if err != nil {
		return nil, err
	}
	programs, err := image.Compile(ctx, spec)
	if err != nil {
		return nil, err
	}
	index, err := image.Assemble(spec, programs)
	if err != nil {
		return nil, err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for i, built := range programs {
		err = errors.Join(err, c.addProgram(files, built), c.addSBOMs(ctx, files, built, manifest.Manifests[i]))
	}
	if err != nil {
		return nil, err
	}
	return files, errors.Join(c.addImage(files, index), c.addChart(files))
}

// name is the name of a file of the release.
func (c Checkout) name(rest string) string { return program + "-" + c.Version + rest }

// on is the part of a file's name for a platform.
func on(platform v1.Platform) string { return "-" + platform.OS + "-" + platform.Architecture }

// addProgram adds an archive with the program and what belongs to it.
func (c Checkout) addProgram(files map[string][]byte, built image.Program) error {
	papers, err := c.papers()
	if err != nil {
		return err
	}
	readme, err := c.file("README.md")
	if err != nil {
		return err
	}
	top := c.name(on(built.Platform))
	contents := []bundle.File{{Name: "", Mode: 0o755}, {Name: program, Mode: 0o755, Content: built.Content}, readme}
	contents = append(contents, papers...)
	for i := range contents {
		contents[i].Name = top + "/" + contents[i].Name
	}
	var out bytes.Buffer
	err = bundle.Compress(&out, c.Committed, contents)
	files[top+".tar.gz"] = out.Bytes()
	return err
}

// addSBOMs adds the bills of materials of the program and of its image.
func (c Checkout) addSBOMs(ctx context.Context, files map[string][]byte, built image.Program, manifest v1.Descriptor) error {
	packages, err := linked(ctx, c.Dir, built.Platform)
	if err != nil {
		return err
	}
	bom, err := c.sbom(built, packages)
	if err != nil {
		return err
	}
	ofImage, err := c.ofImage(bom, manifest)
	if err != nil {
		return err
	}
	files[c.name(on(built.Platform)+".cdx.json")], err = encode(bom)
	if err != nil {
		return err
	}
	files[c.name("-image"+on(built.Platform)+".cdx.json")], err = encode(ofImage)
	return err
}

// addImage adds the image, as an OCI archive.
func (c Checkout) addImage(files map[string][]byte, index v1.ImageIndex) error {
	var out bytes.Buffer
	err := image.Write(&out, c.ImageName(), index)
	files[c.name("-image.tar")] = out.Bytes()
	return err
}

// addChart adds the chart, under the name that Helm gives it.
func (c Checkout) addChart(files map[string][]byte) error {
	contents, err := c.chart()
	if err != nil {
		return err
	}
	var out bytes.Buffer
	err = bundle.Compress(&out, c.Committed, contents)
	files[program+"-"+c.chartVersion()+".tgz"] = out.Bytes()
	return err
}

// noticesAreCurrent returns an error if the notices in the repository are not those of what is linked.
func (c Checkout) noticesAreCurrent(ctx context.Context) error {
	want, err := Notices(ctx, c.Dir, Platforms())
	if err != nil {
		return err
	}
	got, err := c.file(noticesFile)
	if err == nil && string(got.Content) != want {
		err = errors.New(noticesFile + ` is not of what is linked; run "make notices", and look at what changes`)
	}
	return err
}
