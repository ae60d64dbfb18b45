package manifests_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/alert-history/refresh-sidecar/internal/manifests"
)

// Files that version 1.0.0 lost Secrets of, refused, or published though nobody meant it. What --manifests publishes and what it rejects; validate
// has a fault for each that is rejected, and no other.
func TestCases(t *testing.T) {
	for _, tt := range []struct {
		file                string
		published, rejected []string
	}{
		{"merged.yaml", []string{"team-one https://hooks.slack.com/services/T0/B0/ONE", "team-two https://hooks.slack.com/services/T0/B0/TWO"}, nil},
		{"byte-order-mark.yaml", []string{"marked https://hooks.slack.com/services/T0/B0/MARK"}, nil},
		{"utf16.yaml", []string{"wide-one https://hooks.slack.com/services/T0/B0/WIDE-ONE", "wide-three https://hooks.slack.com/services/T0/B0/WIDE-THREE",
			"wide-two https://hooks.slack.com/services/T0/B0/WIDE-TWO"}, nil},
		{"json-lines.yaml", []string{"line-one https://hooks.slack.com/services/line-one", "line-two https://hooks.slack.com/services/line-two"}, nil},
		{"null.yaml", []string{"after-null https://hooks.slack.com/services/T0/B0/NULL"}, nil},
		{"sops.yaml", nil, []string{"default/sealed"}},
		{"names.yaml", []string{"well-named https://hooks.slack.com/services/T0/B0/TWO"}, []string{"default/names.yaml document 1", "default/names.yaml document 3"}},
		{"placeholders.yaml", nil, []string{"default/in-quotes", "default/left-by-envsubst", "default/left-by-helm", "default/left-by-sops", "default/two-schemes"}},
		{"generated.yaml", []string{"empty-keys https://hooks.example.com/x", "headers-in-json https://hooks.example.com/x", "headers-in-lines https://hooks.example.com/x",
			"with-a-filter https://hooks.example.com/x"}, []string{"default/yaml-in-config"}},
	} {
		t.Run(tt.file, func(t *testing.T) {
			path := "testdata/cases/" + tt.file
			got := sidecar(t, path)
			var published, rejected []string
			for _, key := range slices.Sorted(maps.Keys(got.secrets)) {
				s := got.secrets[key]
				if s.Fault != nil {
					rejected = append(rejected, key)
					continue
				}
				published = append(published, s.Entry.Name+" "+s.Entry.URL)
			}
			if diff := cmp.Diff(tt.published, published); diff != "" || got.told != "" {
				t.Errorf("%s published (-want +got):\n%s", got.told, diff)
			}
			if diff := cmp.Diff(tt.rejected, rejected); diff != "" {
				t.Errorf("rejected (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.rejected, faulty(t, path)); diff != "" {
				t.Errorf("validate (-want +got):\n%s", diff)
			}
		})
	}
}

// faulty returns which Secrets validate finds faults of, named as --manifests names them.
func faulty(t *testing.T, path string) (keys []string) {
	t.Helper()
	report, err := manifests.Check(t.Context(), manifests.CheckConfig{Paths: []string{path}, LabelSelector: label})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Findings {
		key := f.Secret
		if key == "" {
			key = "default/" + f.File[strings.LastIndexByte(f.File, '/')+1:] + " document " + string(rune('0'+f.Document))
		}
		if f.Severity == manifests.Failed {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// What generated Secrets say beside their URL counts.
func TestGeneratedKeysCount(t *testing.T) {
	got := sidecar(t, "testdata/cases/generated.yaml").secrets
	for key, want := range map[string]string{
		"default/headers-in-json":  `map[X-Team:sre] {} webhook true`,
		"default/with-a-filter":    `map[] {"severity":["critical"]} webhook true`,
		"default/empty-keys":       `map[] {} webhook true`,
		"default/headers-in-lines": `map[Authorization:Bearer fake= X-Team:sre] {} webhook true`,
	} {
		e := got[key].Entry
		if e == nil {
			t.Errorf("%s: got %+v, want a target", key, got[key].Fault)
			continue
		}
		if said := fmt.Sprint(e.Headers, " ", string(e.FilterConfig), " ", e.PayloadFormat, " ", e.Enabled); said != want {
			t.Errorf("%s: got %s, want %s", key, said, want)
		}
	}
}
