package prometheus_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/controlplane/binaries"
)

const (
	// hurry is how much faster than in deploy/ the rules are here: five minutes become two and a half seconds.
	hurry = 120
	// often leaves five samples in the shortest range of a rule.
	often = 500 * time.Millisecond
	// patience bounds every wait. It is generous, because it is only used up when something is broken.
	patience = 90 * time.Second
)

// server is a real Prometheus with the rules of deploy/, all durations of which are shortened.
type server struct {
	t    *testing.T
	jobs []way
	api  v1.API
	dir  string
}

// String names the ways in which it scrapes.
func (s *server) String() string {
	var names []string
	for _, w := range s.jobs {
		names = append(names, w.name)
	}
	return "Prometheus (" + strings.Join(names, ", ") + ")"
}

// scrape is a group of targets of file service discovery.
type scrape struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}

// hurried returns the rules with every `for` and every range shortened.
func hurried(t *testing.T) string {
	unit := map[string]time.Duration{"m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}
	duration := regexp.MustCompile(`(for: |\[)(\d+)([mhd])\b`)
	return duration.ReplaceAllStringFunc(string(read(t, rulesFile)), func(text string) string {
		part := duration.FindStringSubmatch(text)
		n, err := strconv.Atoi(part[2])
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%s%dms", part[1], (time.Duration(n) * unit[part[3]] / hurry).Milliseconds())
	})
}

// startServer starts Prometheus with a job for each way, without targets, and returns when it answers. It ends with the test.
func startServer(t *testing.T, interval time.Duration, jobs ...way) *server {
	t.Helper()
	s := &server{t: t, jobs: jobs, dir: t.TempDir()}
	config := fmt.Sprintf(`global: {scrape_interval: %s, scrape_timeout: %[1]s, evaluation_interval: %[1]s}
rule_files: [rules.yaml]
scrape_configs:
`, interval)
	for _, w := range jobs {
		config += fmt.Sprintf("  - {job_name: %s, file_sd_configs: [{files: [%[1]s.json]}], %s}\n", w.name, w.options)
		s.discover(w, []scrape{})
	}
	s.write("prometheus.yaml", []byte(config))
	s.write("rules.yaml", []byte(hurried(t)))
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(controlplane.Program(t, binaries.Prometheus), "--config.file=prometheus.yaml", "--storage.tsdb.path=data", // #nosec G204 -- our own arguments
		"--web.listen-address=127.0.0.1:0")
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := errors.Join(cmd.Start(), log.Close()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := cmd.Process.Signal(syscall.SIGTERM)
		if err := errors.Join(err, cmd.Wait()); err != nil || t.Failed() {
			complaints := slices.DeleteFunc(strings.Split(string(read(t, log.Name())), "\n"), func(line string) bool {
				return strings.Contains(line, "level=INFO")
			})
			t.Errorf("%s ended with %v, complaints:\n%s", s, err, strings.Join(complaints, "\n"))
		}
	})
	s.until("Prometheus answers", s.connect)
	return s
}

// connect looks for the port in the log, and asks there.
func (s *server) connect() error {
	address := regexp.MustCompile(`msg="Listening on" .*address=(\S+)`).FindStringSubmatch(string(read(s.t, filepath.Join(s.dir, "log"))))
	if address == nil {
		return errors.New("no line says where it listens")
	}
	client, err := api.NewClient(api.Config{Address: "http://" + address[1]})
	if err != nil {
		return err
	}
	s.api = v1.NewAPI(client)
	_, err = s.query("vector(1)")
	return err
}

// write puts a file in Prometheus' directory, in one step.
func (s *server) write(name string, data []byte) {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := errors.Join(os.WriteFile(path+".new", data, 0o600), os.Rename(path+".new", path)); err != nil {
		s.t.Fatal(err)
	}
}

// discover makes Prometheus scrape exactly these targets in this way.
func (s *server) discover(w way, targets []scrape) {
	s.t.Helper()
	data, err := json.Marshal(targets)
	if err != nil {
		s.t.Fatal(err)
	}
	s.write(w.name+".json", data)
}

// query evaluates an expression now. A warning, such as one about histograms that cannot be added, is an error.
func (s *server) query(expr string) (model.Vector, error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	value, warnings, _, err := s.api.Query(ctx, expr, time.Now())
	if err != nil {
		return nil, err
	}
	if len(warnings) > 0 {
		return nil, fmt.Errorf("warnings: %s", warnings)
	}
	vector, ok := value.(model.Vector)
	if !ok {
		return nil, fmt.Errorf("got a %s, want a vector", value.Type())
	}
	return vector, nil
}

// firing returns the alerts that fire, as "name namespace", sorted, and the alerts themselves.
func (s *server) firing() (names []string, all []v1.Alert) {
	s.t.Helper()
	result, err := s.api.Alerts(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	names = []string{}
	for _, a := range result.Alerts {
		if a.State == v1.AlertStateFiring {
			names = append(names, strings.TrimSpace(fmt.Sprintf("%s %s", a.Labels["alertname"], a.Labels["namespace"])))
			all = append(all, a)
		}
	}
	slices.Sort(names)
	return names, all
}

// expectHealthyRules fails if an expression could not be evaluated.
func (s *server) expectHealthyRules() {
	s.t.Helper()
	result, err := s.api.Rules(s.t.Context(), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, group := range result.Groups {
		for _, r := range group.Rules {
			if rule, ok := r.(v1.AlertingRule); !ok || rule.Health != v1.RuleHealthGood {
				s.t.Errorf("%s is %s: %s", rule.Name, rule.Health, rule.LastError)
			}
		}
	}
}

// until polls a condition of real processes until it holds.
func (s *server) until(what string, holds func() error) {
	s.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := holds()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s: waited %s until %s: %v", s, patience, what, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
