package torture_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/alert-history/refresh-sidecar/test/controlplane"
	"github.com/alert-history/refresh-sidecar/test/sidecar"
)

const publishing = "/api/v2/publishing/targets"

// TestNothingSecretIsTold plants a canary in every field that is not public, in tokens and in what a broken API server says, makes the
// sidecar speak about all of it, and searches whatever it said.
func TestNothingSecretIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, controlplane.Get(t))
	f := begin(t, &fault{Area: "secrecy", Name: "the running sidecar",
		Made: "a canary in every field that is not public, annotations, tokens and the bodies and headers of wrong answers; log level debug; " +
			"every path called, with and without tokens; profiles; at the end SIGQUIT",
		Holds: "no canary, in clear, base64 or hex, in any log line, metric, answer, page, profile or goroutine dump"})
	m := &marks{fields: map[string]string{}}
	s := &speaker{t: t, f: f, w: w, marks: m, front: newFront(t, w)}
	s.fill()
	s.start("--log-level", "debug")
	s.speakOfSecrets()
	s.speakOfAnswers()
	s.search()
	s.dump()
	f.figure("%d canaries; %d texts of %d KB searched", m.n, s.texts, s.bytes>>10)
}

// speaker is a sidecar that is made to speak.
type speaker struct {
	t     *testing.T
	f     *fault
	w     *world
	marks *marks
	front *front
	p     *sidecar.Process
	pprof string
	token string

	texts, bytes int
}

// fill puts all Secrets in place. Those that will be broken later are still whole.
func (s *speaker) fill() {
	for name, data := range s.marks.secrets() {
		s.w.put(name, data)
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "annotated",
		Labels:      map[string]string{"publishing-target": "true", "other": s.marks.plant("label")},
		Annotations: map[string]string{"kubectl.kubernetes.io/last-applied-configuration": s.marks.plant("annotation")}},
		StringData: map[string]string{"config": s.marks.config("annotated", nil)}}
	if _, err := s.w.admin.CoreV1().Secrets(s.w.namespace).Create(s.t.Context(), secret, metav1.CreateOptions{}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *speaker) start(more ...string) {
	s.token = s.marks.plant("token that may refresh")
	tokens := filepath.Join(s.t.TempDir(), "tokens")
	if err := os.WriteFile(tokens, []byte(s.token+"\n"+s.marks.plant("another token")+"\n"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	// The shipped program: its dump is what an operator would see.
	s.p = sidecar.StartBinary(s.t, with(s.t, "GOTRACEBACK=all", releaseBinary(s.t)), s.w.path, s.w.args(append(more, "--auth", "token", "--auth-token-file", tokens,
		"--pprof-address", "127.0.0.1:0")...)...)
	s.p.Token = s.token
	s.p.Until("publishes", func() error { return succeeded(s.p) })
	s.pprof = fmt.Sprint(s.p.Logs("started")[0]["pprof_address"])
	d := s.p.Document()
	if good := 8; len(d.Entries) != good || d.Invalid < 20 {
		s.t.Fatalf("got %d targets and %d invalid Secrets, want %d and more than 20: the canaries are not where they should be: %v",
			len(d.Entries), d.Invalid, good, d.Rejections)
	}
	s.expectPlanted()
}

// expectPlanted makes sure that the canaries arrived: the snapshot has them.
func (s *speaker) expectPlanted() {
	data, err := os.ReadFile(s.w.path)
	if err != nil {
		s.t.Fatal(err)
	}
	if found := s.marks.find(string(data)); len(found) < 40 {
		s.t.Fatalf("the snapshot has %d canaries", len(found))
	}
}

// speakOfSecrets makes good ones bad, so that their last good is kept, and broken ones broken in another way, and has it all refreshed
// so often that DEBUG lines, of which one in ten is kept, are all there.
func (s *speaker) speakOfSecrets() {
	for i := range times(150, 20) {
		name := fmt.Sprintf("good-%s", []string{"config", "target-json", "base64", "flat", "disabled"}[i%5])
		if i < 10 {
			s.w.put(name, map[string]string{"config": s.marks.config(name, map[string]string{"url": fmt.Sprintf("%q", s.marks.plant("a later URL"))})})
		}
		s.p.Until("is refreshed", func() error {
			if code, body := s.p.Do(http.MethodPost, publishing+"/refresh?wait=10s"); code != http.StatusOK {
				return fmt.Errorf("%d %s", code, body)
			}
			return nil
		})
		s.f.run()
	}
	if d := s.p.Document(); d.Valid >= len(d.Entries) {
		s.t.Error("no target is kept")
	}
}

// speakOfAnswers has the API server say canaries in every place of an answer.
func (s *speaker) speakOfAnswers() {
	for _, r := range replies() {
		body, header := s.marks.plant("body of an answer: "+r.name), s.marks.plant("header of an answer: "+r.name)
		s.front.answer("", func(rw http.ResponseWriter, request *http.Request) {
			for _, key := range []string{"Warning", "X-Kubernetes-Pf-Flowschema-Uid", "Set-Cookie", "Www-Authenticate", "Audit-Id"} {
				rw.Header().Set(key, `299 - "`+header+`"`)
			}
			told := r
			told.body = strings.ReplaceAll(r.body, canaryBody, body)
			told.serve(rw, request)
		})
		before := s.p.Status().Failures
		s.p.Until("fails", func() error { return failed(s.p, before+1) })
		s.search()
		s.f.run()
	}
	s.front.answer("", nil)
	s.p.Until("is well again", func() error { return succeeded(s.p) })
}

// search calls everything that answers, and looks through it and through the log.
func (s *speaker) search() {
	for _, token := range []string{"", s.token, s.marks.plant("a token that is wrong")} {
		s.p.Token = token
		for _, path := range []string{"/", "/metrics", "/openapi.yaml", "/healthz", "/readyz", publishing, publishing + "?type=webhook", publishing + "/status",
			"/nowhere?token=" + s.marks.plant("query of the caller"), publishing + "/refresh"} {
			_, body := s.p.Do(http.MethodGet, path)
			s.look("GET "+path, body)
		}
	}
	s.p.Token = s.token
	for _, path := range []string{"cmdline", "goroutine?debug=2", "heap?debug=1", "allocs?debug=1", "mutex?debug=1"} {
		response, err := http.Get("http://" + s.pprof + "/debug/pprof/" + path) // #nosec G107 -- the program under test
		if err != nil {
			s.t.Fatal(err)
		}
		s.look("profile "+path, readBody(s.t, response))
	}
	for _, line := range s.p.Logs("") {
		text, err := json.Marshal(line)
		if err != nil {
			s.t.Fatal(err)
		}
		s.look("log", string(text))
	}
}

// look searches one text. The token for the API server is a real one without a canary, so it is looked for as it is.
func (s *speaker) look(where, text string) {
	s.t.Helper()
	s.texts++
	s.bytes += len(text)
	if strings.Contains(text, s.w.user.Token) {
		s.f.violation("%s tells the token for the API server", where)
	}
	if found := s.marks.find(text); len(found) > 0 {
		s.f.violation("%s tells %v: %.300s", where, found, text)
	}
}

// dump ends the sidecar as the kernel ends one whose memory is bad: with the stacks of all goroutines on stderr.
func (s *speaker) dump() {
	before := len(s.p.Logs(""))
	if err := syscall.Kill(s.p.PID(), syscall.SIGQUIT); err != nil {
		s.t.Fatal(err)
	}
	s.p.Until("ends", func() error {
		if syscall.Kill(s.p.PID(), 0) == nil {
			return errors.New("it lives")
		}
		return nil
	})
	s.p.Kill() // and all of its output has been read
	lines := s.p.Logs("")[before:]
	if len(lines) < 20 {
		s.t.Errorf("got %d lines of a dump", len(lines))
	}
	for _, line := range lines {
		s.look("dump", fmt.Sprint(line))
	}
}
