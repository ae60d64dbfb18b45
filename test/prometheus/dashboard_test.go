package prometheus_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"sigs.k8s.io/yaml"

	"github.com/alert-history/refresh-sidecar/test/internal/markdown"
)

const dashboardFile = "../../deploy/grafana-dashboard.json"

// classic is the model of dashboards, which every Grafana imports.
//
//lint:ignore SA1019 its successor is for the newest Grafana only
type classic = dashboard.Dashboard

// grafana decodes the dashboard as Grafana's own schema has it: a field that Grafana does not know is an error.
func grafana(t *testing.T) classic {
	t.Helper()
	plugins.RegisterDefaultPlugins()
	data := read(t, dashboardFile)
	// It always returns an error, one of no faults if all is well, and for that reason leaves the panels out: values need a second decode.
	err := new(classic).UnmarshalJSONStrict(data)
	if faults, ok := errors.AsType[cog.BuildErrors](err); !ok || len(faults) > 0 {
		t.Fatal(err)
	}
	var d classic
	if err := json.Unmarshal(data, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// panels returns all panels but rows.
func panels(d classic) (all []dashboard.Panel) {
	for _, p := range d.Panels {
		if p.Panel != nil {
			all = append(all, *p.Panel)
		}
	}
	return all
}

// query is what a panel, an annotation or a reader of the README asks Prometheus.
type query struct{ where, text string }

// in returns the expression that Grafana makes of the text, for all pods of namespaces that match.
func (q query) in(namespace, rateInterval string) string {
	return strings.NewReplacer("$namespace", namespace, "$pod", ".*", "$__rate_interval", rateInterval).Replace(q.text)
}

// everywhere asks for all pods and the shortest window of Grafana.
func (q query) everywhere() string { return q.in(".*", "4s") }

// queries returns all queries of the dashboard.
func queries(t *testing.T) (all []query) {
	t.Helper()
	d := grafana(t)
	for _, p := range panels(d) {
		for _, target := range p.Targets {
			q, ok := target.(*prometheus.Dataquery)
			if !ok {
				t.Fatalf("panel %q: got a query %T, want one to Prometheus", *p.Title, target)
			}
			all = append(all, query{fmt.Sprintf("panel %q, query %s", *p.Title, *q.RefId), q.Expr})
		}
	}
	for _, a := range d.Annotations.List {
		all = append(all, query{"annotation " + a.Name, *a.Expr})
	}
	for _, q := range all {
		if strings.Contains(q.everywhere(), "$") {
			t.Errorf("%s uses an unknown variable: %s", q.where, q.text)
		}
	}
	return all
}

// manual returns the expressions of the README. Each has a comment for a title.
func manual(t *testing.T) (all []query) {
	t.Helper()
	blocks, err := markdown.Blocks(string(read(t, "../../README.md")))
	must(t, err)
	for _, b := range blocks {
		if b.Language == "promql" {
			title, _, _ := strings.Cut(strings.TrimPrefix(b.Text, "# "), "\n")
			all = append(all, query{"README: " + title, b.Text})
		}
	}
	if len(all) == 0 {
		t.Fatal("the README has no expressions")
	}
	return all
}

func TestGrafanaKnowsEveryFieldOfTheDashboard(t *testing.T) {
	d := grafana(t)
	if err := d.Validate(); err != nil {
		t.Error(err)
	}
	var names []string
	for _, v := range d.Templating.List {
		names = append(names, v.Name)
	}
	if got, want := strings.Join(names, " "), "datasource namespace pod"; got != want {
		t.Errorf("got variables %s, want %s", got, want)
	}
}

func TestDashboardIsLaidOutWell(t *testing.T) {
	const columns = 24
	taken, ids := map[[2]uint32]string{}, map[uint32]bool{}
	occupy := func(title string, id *uint32, g *dashboard.GridPos) {
		if id == nil || ids[*id] {
			t.Errorf("panel %q has no id of its own", title)
		} else {
			ids[*id] = true
		}
		if g.X+g.W > columns {
			t.Errorf("panel %q is wider than the page", title)
		}
		for x := g.X; x < g.X+g.W; x++ {
			for y := g.Y; y < g.Y+g.H; y++ {
				if other, ok := taken[[2]uint32{x, y}]; ok {
					t.Fatalf("panels %q and %q overlap", title, other)
				}
				taken[[2]uint32{x, y}] = title
			}
		}
	}
	for _, p := range grafana(t).Panels {
		if row := p.RowPanel; row != nil {
			occupy(*row.Title, &row.Id, row.GridPos)
			continue
		}
		title := *p.Panel.Title
		occupy(title, p.Panel.Id, p.Panel.GridPos)
		if p.Panel.Description == nil || *p.Panel.Description == "" {
			t.Errorf("panel %q does not say what it shows", title)
		}
		if uid := p.Panel.Datasource.Uid; uid == nil || *uid != "${datasource}" {
			t.Errorf("panel %q does not ask the chosen data source", title)
		}
		if unit := p.Panel.FieldConfig.Defaults.Unit; p.Panel.Type != "table" && p.Panel.Type != "state-timeline" && (unit == nil || *unit == "") {
			t.Errorf("panel %q has no unit", title)
		}
	}
}

func TestDashboardAsksForTheChosenPodsOnly(t *testing.T) {
	for _, q := range queries(t) {
		if got, want := strings.Count(q.text, `{namespace=~"$namespace", pod=~"$pod"`), strings.Count(q.text, "{"); got != want || want == 0 {
			t.Errorf("%s: %d of %d selectors are of the chosen pods: %s", q.where, got, want, q.text)
		}
	}
}

func TestDashboardQueriesParse(t *testing.T) {
	type record struct {
		Record string `json:"record"`
		Expr   string `json:"expr"`
	}
	var records []record
	for i, q := range queries(t) {
		records = append(records, record{fmt.Sprintf("query:%d", i), q.everywhere()})
	}
	file, err := yaml.Marshal(map[string]any{"groups": []any{map[string]any{"name": "queries", "rules": records}}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "queries.yaml")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "check", "rules", path)
}

// A file that people export from Grafana again shows their change in a diff, and nothing else.
func TestDashboardIsFormattedAsGrafanaDoes(t *testing.T) {
	data := read(t, dashboardFile)
	var formatted bytes.Buffer
	if err := json.Indent(&formatted, data, "", "  "); err != nil {
		t.Fatal(err)
	}
	if formatted.String() != string(data) {
		t.Errorf("%s is not indented by two spaces", dashboardFile)
	}
}
