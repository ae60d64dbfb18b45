package exposition_test

import (
	"strings"
	"testing"

	"github.com/alert-history/refresh-sidecar/test/exposition"
)

const scrape = `# TYPE requests_total counter
requests_total{verb="LIST",code="200"} 3
requests_total{verb="LIST",code="410"} 1
requests_total{verb="WATCH",code="200"} 7
# TYPE open gauge
open 5
`

func TestSum(t *testing.T) {
	families, err := exposition.Read(strings.NewReader(scrape))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		metric string
		labels map[string]string
		want   float64
	}{
		"all series":          {"requests_total", nil, 11},
		"those with a label":  {"requests_total", map[string]string{"verb": "LIST"}, 4},
		"those with two":      {"requests_total", map[string]string{"verb": "LIST", "code": "410"}, 1},
		"none with a value":   {"requests_total", map[string]string{"verb": "PATCH"}, 0},
		"none with a label":   {"requests_total", map[string]string{"resource": "secrets"}, 0},
		"a gauge":             {"open", nil, 5},
		"no metric of a name": {"closed", nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := families.Sum(c.metric, c.labels); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestReadRefusesWhatIsNoMetrics(t *testing.T) {
	if _, err := exposition.Read(strings.NewReader("<html>")); err == nil {
		t.Error("got no error")
	}
}
