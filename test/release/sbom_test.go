package release_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

func TestTheBillsOfMaterialsNameWhatIsLinked(t *testing.T) {
	for _, architecture := range []string{"amd64", "arm64"} {
		program := unpack(t, "refresh-sidecar-1.2.3-linux-"+architecture+".tar.gz")[1].Content
		linked := info(t, architecture)
		want := []string{"stdlib " + strings.TrimPrefix(linked.GoVersion, "go")}
		for _, module := range linked.Deps {
			if module.Replace != nil { // one of this repository
				module.Version = version
			}
			want = append(want, module.Path+" "+module.Version)
		}
		slices.Sort(want)

		bom := decode(t, "linux-"+architecture)
		if diff := cmp.Diff(want, libraries(bom)); diff != "" {
			t.Errorf("%s: modules (-in the program +in the bill):\n%s", architecture, diff)
		}
		if subject := bom.Metadata.Component; subject.Type != cdx.ComponentTypeApplication || digest(subject) != sum(program) {
			t.Errorf("%s: got %+v, want the program", architecture, subject)
		}

		bom = decode(t, "image-linux-"+architecture)
		if diff := cmp.Diff(want, libraries(bom)); diff != "" {
			t.Errorf("%s: modules (-in the program +in the image's bill):\n%s", architecture, diff)
		}
		img, _ := imageOf(t, architecture)
		manifest, err := img.Digest()
		if err != nil {
			t.Fatal(err)
		}
		if subject := bom.Metadata.Component; subject.Type != cdx.ComponentTypeContainer || digest(subject) != manifest.Hex {
			t.Errorf("%s: got %+v, want the image", architecture, subject)
		}
		if first := (*bom.Components)[0]; first.Type != cdx.ComponentTypeApplication || digest(&first) != sum(program) {
			t.Errorf("%s: got %+v, want the program", architecture, first)
		}
	}
}

// Each thing can be reached from what the bill is about, by what needs what.
func TestTheBillsOfMaterialsSayWhatNeedsWhat(t *testing.T) {
	bom := decode(t, "image-linux-amd64")
	needs := map[string][]string{}
	for _, dependency := range *bom.Dependencies {
		if dependency.Dependencies != nil {
			needs[dependency.Ref] = *dependency.Dependencies
		}
	}
	reached := map[string]bool{}
	for open := []string{bom.Metadata.Component.BOMRef}; len(open) > 0; open = open[1:] {
		if !reached[open[0]] {
			reached[open[0]] = true
			open = append(open, needs[open[0]]...)
		}
	}
	for _, component := range *bom.Components {
		if !reached[component.BOMRef] {
			t.Errorf("nothing needs %s", component.BOMRef)
		}
		if component.Licenses == nil || len(*component.Licenses) == 0 {
			t.Errorf("%s has no licence", component.BOMRef)
		}
	}
	if len(reached) != len(*bom.Components)+1 {
		t.Errorf("%d things are needed, of %d that are there", len(reached), len(*bom.Components)+1)
	}
}

// The schema is CycloneDX's own, which comes with its library.
func TestTheBillsOfMaterialsAreValid(t *testing.T) {
	list := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go")
	dir, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	schema := compileSchema(t, filepath.Join(strings.TrimSpace(string(dir)), "schema"))
	for _, architecture := range []string{"amd64", "arm64"} {
		for _, name := range []string{"linux-" + architecture, "image-linux-" + architecture} {
			var document map[string]any
			if err := json.Unmarshal(bill(t, name), &document); err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(document); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			delete(document, "bomFormat")
			if schema.Validate(document) == nil {
				t.Fatal("the schema is content with a document of no format")
			}
		}
	}
}

func compileSchema(t *testing.T, dir string) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	const base = "http://cyclonedx.org/schema/"
	for name, file := range map[string]string{
		"bom-1.6.schema.json": "bom-1.6.schema.json", "spdx.schema.json": "spdx.schema.json", "jsf-0.82.schema.json": "jsf-0.82.schemax.json",
	} {
		content, err := os.ReadFile(filepath.Join(dir, file)) // #nosec G304 -- of a module
		if err != nil {
			t.Fatal(err)
		}
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		if err := compiler.AddResource(base+name, document); err != nil {
			t.Fatal(err)
		}
	}
	schema, err := compiler.Compile(base + "bom-1.6.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// bill is a bill of materials of the release.
func bill(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(released(t), "refresh-sidecar-1.2.3-"+name+".cdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func decode(t *testing.T, name string) *cdx.BOM {
	t.Helper()
	var bom cdx.BOM
	if err := cdx.NewBOMDecoder(bytes.NewReader(bill(t, name)), cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Fatal(err)
	}
	return &bom
}

// libraries are the modules of a bill, with their versions.
func libraries(bom *cdx.BOM) (list []string) {
	for _, component := range *bom.Components {
		if component.Type == cdx.ComponentTypeLibrary {
			list = append(list, component.Name+" "+component.Version)
		}
	}
	slices.Sort(list)
	return list
}

func digest(component *cdx.Component) string { return (*component.Hashes)[0].Value }

func sum(content []byte) string {
	hash := sha256.Sum256(content)
	return hex.EncodeToString(hash[:])
}
