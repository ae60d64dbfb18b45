package release

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/alert-history/refresh-sidecar/test/image"
)

// sbom describes the program for one platform. It has no serial number, which would be another one each time.
func (c Checkout) sbom(built image.Program, packages []goPackage) (*cdx.BOM, error) {
	info, err := buildinfo.Read(bytes.NewReader(built.Content))
	if err != nil {
		return nil, fmt.Errorf("reading what is linked into the program: %w", err)
	}
	list, err := modules(packages)
	if err != nil {
		return nil, err
	}
	bom := cdx.NewBOM()
	application := c.component(cdx.ComponentTypeApplication, program, sha256.Sum256(built.Content))
	application.PackageURL = "pkg:github/" + repository + "@" + c.Revision
	components := []cdx.Component{}
	for _, m := range list {
		if m.Path == mainModule { // the application
			continue
		}
		if m.Path == standardLibrary {
			m.Version = strings.TrimPrefix(info.GoVersion, "go")
		}
		components = append(components, c.library(m))
	}
	bom.Components, bom.Dependencies = &components, needs(packages)
	bom.Metadata = &cdx.Metadata{
		Timestamp: c.Committed.Format(time.RFC3339),
		Component: &application,
		Supplier:  &cdx.OrganizationalEntity{Name: "The refresh-sidecar authors", URL: &[]string{source}},
	}
	return bom, nil
}

// component describes something that is made of this repository.
func (c Checkout) component(kind cdx.ComponentType, name string, digest [sha256.Size]byte) cdx.Component {
	return cdx.Component{
		BOMRef: mainModule, Type: kind, Name: name, Version: c.Version,
		Hashes:             &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(digest[:])}},
		Licenses:           &cdx.Licenses{{License: &cdx.License{ID: licence}}},
		ExternalReferences: &[]cdx.ExternalReference{{Type: cdx.ERTypeVCS, URL: source}},
	}
}

// library describes a module. One of this repository is what it is at this commit, which no package URL names.
func (c Checkout) library(m Module) cdx.Component {
	component := cdx.Component{BOMRef: m.Path, Type: cdx.ComponentTypeLibrary, Name: m.Path, Version: m.Version}
	if isOurs(m.Path) {
		component.Version = c.Version
	} else {
		component.PackageURL = "pkg:golang/" + strings.ToLower(m.Path) + "@" + url.QueryEscape(m.Version)
	}
	if ids := m.Licences(); len(ids) == 1 {
		component.Licenses = &cdx.Licenses{{License: &cdx.License{ID: ids[0]}}}
	} else {
		component.Licenses = &cdx.Licenses{{Expression: strings.Join(ids, " AND ")}}
	}
	return component
}

// needs says which modules the packages of each module import from.
func needs(packages []goPackage) *[]cdx.Dependency {
	module, edges := map[string]string{}, map[string]map[string]bool{}
	for _, p := range packages {
		module[p.ImportPath], edges[p.module()] = p.module(), map[string]bool{}
	}
	for _, p := range packages {
		for _, path := range p.Imports {
			if to := module[path]; to != "" && to != p.module() {
				edges[p.module()][to] = true
			}
		}
	}
	dependencies := []cdx.Dependency{}
	for _, from := range slices.Sorted(maps.Keys(edges)) {
		dependency := cdx.Dependency{Ref: from}
		if to := slices.Sorted(maps.Keys(edges[from])); len(to) > 0 {
			dependency.Dependencies = &to
		}
		dependencies = append(dependencies, dependency)
	}
	return &dependencies
}

// ofImage describes the image for one platform, given the description of the program, which is all that it holds but for texts.
func (c Checkout) ofImage(program *cdx.BOM, manifest v1.Descriptor) (*cdx.BOM, error) {
	digest, err := hex.DecodeString(manifest.Digest.Hex)
	if err != nil {
		return nil, err
	}
	container := c.component(cdx.ComponentTypeContainer, repository, [sha256.Size]byte(digest))
	container.BOMRef = "image"
	container.PackageURL = "pkg:oci/" + "refresh-sidecar@" + url.QueryEscape(manifest.Digest.String()) +
		"?arch=" + manifest.Platform.Architecture + "&tag=" + url.QueryEscape(c.Version)
	bom, metadata := *program, *program.Metadata
	components := append([]cdx.Component{*metadata.Component}, *bom.Components...)
	dependencies := append([]cdx.Dependency{{Ref: container.BOMRef, Dependencies: &[]string{mainModule}}}, *bom.Dependencies...)
	metadata.Component = &container
	bom.Metadata, bom.Components, bom.Dependencies = &metadata, &components, &dependencies
	return &bom, nil
}

// encode writes version 1.6 of the format, which older readers know, too.
func encode(bom *cdx.BOM) ([]byte, error) {
	var out bytes.Buffer
	err := cdx.NewBOMEncoder(&out, cdx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bom, cdx.SpecVersion1_6)
	return out.Bytes(), err
}
