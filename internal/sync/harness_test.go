package sync_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	stdsync "sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"
	"sigs.k8s.io/yaml"

	"github.com/alert-history/refresh-sidecar/internal/source"
	"github.com/alert-history/refresh-sidecar/internal/sync"
	"github.com/alert-history/refresh-sidecar/internal/writer"
	"github.com/alert-history/refresh-sidecar/pkg/targetsfile"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// cluster is a source whose answers a test sets.
type cluster struct {
	mu      stdsync.Mutex
	version int
	secrets map[string]map[string]source.Secret // by namespace and name
	failing map[string]error                    // by namespace; "*": all
	hang    bool                                // LISTs answer only when their context ends
	delay   time.Duration
	panics  bool
	lists   []time.Duration // when each LIST of the first namespace began, since born
	born    time.Time

	snapshotFirst bool               // a delayed LIST answers with what was there when it began
	history       []source.Event     // of all changes
	onChange      func(source.Event) // called with the lock held; may be nil
}

func newCluster() *cluster {
	return &cluster{secrets: map[string]map[string]source.Secret{}, failing: map[string]error{}, born: time.Now()}
}

// List implements sync.Source.
func (c *cluster) List(ctx context.Context, namespace string) (source.Listing, error) {
	c.mu.Lock()
	c.lists = append(c.lists, time.Since(c.born))
	hang, delay, panics := c.hang, c.delay, c.panics
	early := c.listing(namespace)
	c.mu.Unlock()
	if hang {
		<-ctx.Done()
	} else if delay > 0 {
		select {
		case <-ctx.Done():
		case <-time.After(delay):
		}
	}
	if panics {
		panic("a panic that quotes canary-value")
	}
	if err := ctx.Err(); err != nil {
		if errors.Is(err, context.Canceled) {
			return source.Listing{}, err
		}
		return source.Listing{}, &source.Error{Type: source.TimeoutError, Err: err, Hint: "look at the API server"}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := errors.Join(c.failing["*"], c.failing[namespace]); err != nil {
		if one, ok := errors.AsType[*source.Error](err); ok {
			return source.Listing{}, one
		}
		return source.Listing{}, err
	}
	if c.snapshotFirst {
		return early, nil
	}
	return c.listing(namespace), nil
}

// listing is what a LIST would answer now.
func (c *cluster) listing(namespace string) source.Listing {
	listing := source.Listing{Namespace: namespace, ResourceVersion: fmt.Sprint(c.version)}
	for _, name := range slices.Sorted(maps.Keys(c.secrets[namespace])) {
		listing.Secrets = append(listing.Secrets, c.secrets[namespace][name])
	}
	return listing
}

// changed records an event. The cluster is locked.
func (c *cluster) changed(namespace string, kind source.Kind, s source.Secret) {
	e := source.Event{Namespace: namespace, Kind: kind, ResourceVersion: s.ResourceVersion, Secret: s}
	c.history = append(c.history, e)
	if c.onChange != nil {
		c.onChange(e)
	}
}

func (c *cluster) set(change func(*cluster)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(c)
}

// put creates or changes a Secret that yields a target of the same name.
func (c *cluster) put(t testing.TB, namespace, name, url string) {
	t.Helper()
	entry, err := targetsfile.NewEntry(targetsfile.Target{
		Name: name, Type: "webhook", URL: url, PayloadFormat: "webhook", Enabled: true,
		Secret: namespace + "/" + name, SecretUID: "uid-" + name,
	})
	if err != nil {
		t.Fatal(err)
	}
	c.putSecret(namespace, name, source.Secret{Entry: entry})
}

// spoil makes a Secret yield a fault.
func (c *cluster) spoil(namespace, name string) {
	c.putSecret(namespace, name, source.Secret{Fault: &source.Fault{Reason: targetsfile.RejectValidate,
		Problems: []source.Problem{{Field: "url", Rule: "must be an absolute http or https URL"}}}})
}

func (c *cluster) putSecret(namespace, name string, s source.Secret) {
	c.set(func(c *cluster) {
		c.version++
		s.Key, s.UID, s.ResourceVersion = namespace+"/"+name, "uid-"+name, fmt.Sprint(c.version)
		if c.secrets[namespace] == nil {
			c.secrets[namespace] = map[string]source.Secret{}
		}
		c.secrets[namespace][name] = s
		c.changed(namespace, source.Upsert, s)
	})
}

func (c *cluster) delete(namespace, name string) {
	c.set(func(c *cluster) {
		c.version++
		delete(c.secrets[namespace], name)
		c.changed(namespace, source.Delete, source.Secret{Key: namespace + "/" + name, UID: "uid-" + name, ResourceVersion: fmt.Sprint(c.version)})
	})
}

// warn has a Secret carry a warning.
func (c *cluster) warn(namespace, name, warning string) {
	c.set(func(c *cluster) {
		c.version++
		s := c.secrets[namespace][name]
		s.Warnings, s.ResourceVersion = []source.Problem{{Rule: warning}}, fmt.Sprint(c.version)
		c.secrets[namespace][name] = s
	})
}

// fail lets every LIST fail with err, nil ends that.
func (c *cluster) fail(err error) { c.set(func(c *cluster) { c.failing["*"] = err }) }

// listTimes returns when the LISTs began.
func (c *cluster) listTimes() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.lists)
}

// disk is a real writer that can be told to fail.
type disk struct {
	*writer.Writer
	mu     stdsync.Mutex
	broken error
	delay  time.Duration
	panics bool
	writes int
}

// Publish implements sync.Publisher.
func (d *disk) Publish(doc *targetsfile.Document) (int64, error) {
	d.mu.Lock()
	broken, delay, panics := d.broken, d.delay, d.panics
	d.mu.Unlock()
	time.Sleep(delay)
	if panics {
		panic("a panic that quotes canary-value")
	}
	if broken != nil {
		return 0, broken
	}
	d.mu.Lock()
	d.writes++
	d.mu.Unlock()
	return d.Writer.Publish(doc)
}

func (d *disk) set(change func(*disk)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(d)
}

// logBuffer may be written and read at the same time.
type logBuffer struct {
	mu  stdsync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

// Reset forgets what was written.
func (b *logBuffer) Reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buf.Reset()
}

// String returns what was written.
func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// harness is a manager over a cluster and a disk, in a bubble of synctest: its time is exact.
type harness struct {
	*sync.DefaultRefreshManager
	t        *testing.T
	cluster  *cluster
	live     *live // the cluster, if it can be watched
	disk     *disk
	path     string
	config   sync.Config
	logs     *logBuffer
	registry *prometheus.Registry
	born     time.Time
}

const testNamespace = "alert-history"

// bubble runs a test with a manager that is not started, and stops the manager afterwards. Jitter is 0, so that times are exact.
func bubble(t *testing.T, configure func(*harness), test func(h *harness)) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "targets.json")
	synctest.Test(t, func(t *testing.T) {
		h := &harness{t: t, cluster: newCluster(), path: path, born: time.Now()}
		h.disk = &disk{Writer: writer.New(path, 0o640)}
		h.config = sync.Config{
			Source: h.cluster, Publisher: h.disk, Namespaces: []string{testNamespace},
			Origin:         targetsfile.Source{Kind: targetsfile.SourceKubernetes, Namespaces: []string{testNamespace}, LabelSelector: "a=b"},
			Interval:       5 * time.Minute,
			Timeout:        30 * time.Second,
			RetryBackoff:   []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute},
			StartupBackoff: []time.Duration{time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second},
			MaxRetries:     5,
		}
		if configure != nil {
			configure(h)
		}
		h.remake()
		test(h)
		if err := h.Stop(time.Minute); err != nil && !errors.Is(err, sync.ErrNotStarted) {
			t.Errorf("stopping: %v", err)
		}
		h.logLines("") // fails for a line that has a key twice
	})
}

// remake makes a new manager, as a new process would, over what is on the disk.
func (h *harness) remake() {
	h.t.Helper()
	h.config.Last = nil
	if data, err := os.ReadFile(h.path); err == nil {
		if h.config.Last, err = targetsfile.Decode(data); err != nil {
			h.t.Fatal(err)
		}
		h.config.LastBytes = int64(len(data))
	}
	h.logs, h.registry = &logBuffer{}, prometheus.NewRegistry()
	h.config.Logger = zerolog.New(h.logs)
	h.config.Registerer = h.registry
	manager, err := sync.New(h.config)
	if err != nil {
		h.t.Fatal(err)
	}
	h.DefaultRefreshManager = manager
}

func (h *harness) start() {
	h.t.Helper()
	if err := h.Start(); err != nil {
		h.t.Fatal(err)
	}
	synctest.Wait()
}

// pass lets time pass and everything settle.
func (h *harness) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// published returns the document in place, nil if there is none.
func (h *harness) published() *targetsfile.Document {
	h.t.Helper()
	data, err := os.ReadFile(h.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		h.t.Fatal(err)
	}
	d, err := targetsfile.Decode(data)
	if err != nil {
		h.t.Fatal(err)
	}
	return d
}

// names returns the names of the published targets, with a ' after a stale one.
func (h *harness) names() string {
	h.t.Helper()
	d := h.published()
	if d == nil {
		return "no file"
	}
	return strings.Join(targetNames(d), " ")
}

func targetNames(d *targetsfile.Document) []string {
	names := make([]string, len(d.Entries))
	for i, e := range d.Entries {
		names[i] = e.Name
		if !e.StaleSince.IsZero() {
			names[i] += "'"
		}
	}
	return names
}

func (h *harness) expectNames(want string) {
	h.t.Helper()
	if got := h.names(); got != want {
		h.t.Errorf("at %s: got published targets %q, want %q", time.Since(h.born), got, want)
	}
}

// warnings returns the lines of the log that are warnings.
func (h *harness) warnings() []map[string]any {
	h.t.Helper()
	return slices.DeleteFunc(h.logLines(""), func(l map[string]any) bool { return l["level"] != "warn" })
}

// logLines returns the log lines with a message, all with "".
func (h *harness) logLines(message string) (lines []map[string]any) {
	h.t.Helper()
	for line := range strings.Lines(h.logs.String()) {
		var fields map[string]any
		if err := yaml.UnmarshalStrict([]byte(line), &fields); err != nil {
			h.t.Fatalf("log line %q: %v", line, err)
		}
		if message == "" || fields["message"] == message {
			lines = append(lines, fields)
		}
	}
	return lines
}

// metric returns the value of a series, given as name or name{label="value"}, and fails the test if there is none.
func (h *harness) metric(series string) float64 {
	h.t.Helper()
	families, err := h.registry.Gather()
	if err != nil {
		h.t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			name := family.GetName()
			if len(labels) > 0 {
				name += "{" + strings.Join(labels, ",") + "}"
			}
			if name == series {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	h.t.Fatalf("no series %s", series)
	return 0
}

func transient() error {
	return &source.Error{Type: source.APIError, Err: errors.New("connection refused"), Hint: "look at the API server"}
}

func denied() error {
	return &source.Error{Type: source.APIError, Permanent: true, Denied: true, Err: errors.New("403 Forbidden"), Hint: "grant list"}
}

func permanent() error {
	return &source.Error{Type: source.APIError, Permanent: true, Err: errors.New("400 Bad Request"), Hint: "mend it"}
}
