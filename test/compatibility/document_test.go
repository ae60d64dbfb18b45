package compatibility_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alert-history/refresh-sidecar/test/bench"
	"github.com/alert-history/refresh-sidecar/test/controlplane/binaries"
)

// TestTheRangeIsInTheTable holds the versions that `make check` runs to the document, and the newest to what is built by default.
func TestTheRangeIsInTheTable(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	columns := readColumns(t)
	for _, name := range []string{"OLDEST", "NEWEST"} {
		version := regexp.MustCompile(`(?m)^` + name + `\s+:= (\S+)$`).FindSubmatch(makefile)
		if version == nil {
			t.Fatalf("the Makefile has no %s", name)
		}
		if columns[string(version[1])] == nil {
			t.Errorf("%s has no column for %s", document, version[1])
		}
		if name == "NEWEST" && string(version[1]) != binaries.KubernetesVersion {
			t.Errorf("the newest version is %s in the Makefile and %s by default", version[1], binaries.KubernetesVersion)
		}
	}
}

// readRows returns the rows of a section's table as cells, the header first.
func readRows(t *testing.T, section string) (rows [][]string) {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, begun := strings.Cut(string(text), "<!-- "+section+" -->")
	body, _, ended := strings.Cut(rest, "<!-- end of "+section+" -->")
	if !begun || !ended {
		t.Fatalf("%s has no section %q", document, section)
	}
	for line := range strings.Lines(body) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| ---") {
			rows = append(rows, strings.Split(strings.TrimSuffix(strings.TrimPrefix(line, "| "), " |"), " | "))
		}
	}
	return rows
}

func writeTable(t *testing.T, section string, table bench.Table) {
	t.Helper()
	if err := bench.WriteSection(document, section, table.Markdown()); err != nil {
		t.Fatal(err)
	}
}

// readColumns returns what the document says of each version, by what it is about.
func readColumns(t *testing.T) map[string]map[string]string {
	t.Helper()
	columns := map[string]map[string]string{}
	rows := readRows(t, "facts")
	for _, row := range rows {
		for i, cell := range row[2:] {
			version := rows[0][2+i]
			if columns[version] == nil {
				columns[version] = map[string]string{}
			}
			columns[version][row[0]] = cell
		}
	}
	return columns
}

// writeColumns writes the table of facts.
func writeColumns(t *testing.T, columns map[string]map[string]string) {
	t.Helper()
	versions := slices.Sorted(maps.Keys(columns)) // minor versions have two digits
	table := bench.Table{Header: append([]string{"what", "how it is seen"}, versions...)}
	for _, f := range append(slices.Clone(facts), fact{what: "seen on"}) {
		row := []string{f.what, f.how}
		for _, version := range versions {
			row = append(row, columns[version][f.what])
		}
		table.Rows = append(table.Rows, row)
	}
	writeTable(t, "facts", table)
}
