package api_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/alert-history/refresh-sidecar/internal/api"
	targetsync "github.com/alert-history/refresh-sidecar/internal/sync"
)

// user is a web configuration's line for one with the password hunter2, hashed with bcrypt at its lowest cost.
const user = "basic_auth_users:\n  alice: $2a$04$puCNp1Bvdgph2ufWG74ZLeS.oP.zN1k98kOZq3Yk.5X.Vn3kDQNC2\n"

// writeCertificate writes a self-signed certificate with its key, cert.pem and key.pem, over what is there.
func writeCertificate(t *testing.T, dir string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: certificate}, "key.pem": {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// writeWebConfig writes a web configuration beside a certificate and returns its path.
func writeWebConfig(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	writeCertificate(t, dir, 1)
	path := filepath.Join(dir, "web.yml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const withTLS = "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n"

// overTLS makes a request on a connection of its own.
func (s *testServer) overTLS(t *testing.T, method, path string) *http.Response {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true} //nolint:gosec // self-signed
	defer transport.CloseIdleConnections()
	r, err := http.NewRequestWithContext(t.Context(), method, "https://"+s.Addr().String()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return resp
}

func TestCertificateIsReadAgain(t *testing.T) {
	path := writeWebConfig(t, withTLS)
	server := serve(t, api.ServerConfig{Handler: newHarness(t).handler, WebConfigFile: path, Logger: zerolog.Nop()})
	for want := int64(1); want <= 3; want++ {
		resp := server.overTLS(t, http.MethodGet, "/healthz")
		if got := resp.TLS.PeerCertificates[0].SerialNumber.Int64(); got != want || resp.StatusCode != http.StatusOK {
			t.Errorf("got code %d and certificate %d, want 200 and %d", resp.StatusCode, got, want)
		}
		writeCertificate(t, filepath.Dir(path), want+1)
	}
}

func TestWaitOutlastsTheServersTimeoutsOverHTTP2(t *testing.T) {
	h := newHarness(t)
	h.refresh = func(string) (*targetsync.Run, error) { return runFor(1500 * time.Millisecond), nil }
	server := serve(t, api.ServerConfig{
		Handler: h.handler, WebConfigFile: writeWebConfig(t, withTLS),
		ReadTimeout: time.Second, WriteTimeout: time.Second, // the handshake has to fit in, too
	})
	resp := server.overTLS(t, http.MethodPost, refreshPath+"?wait=10s")
	if resp.StatusCode != http.StatusOK || resp.ProtoMajor != 2 {
		t.Errorf("got %s %s, want HTTP/2 and 200", resp.Proto, resp.Status)
	}
}

func TestClientCertificateIsDemanded(t *testing.T) {
	path := writeWebConfig(t, withTLS+"  client_auth_type: RequireAnyClientCert\n")
	var log logBuffer
	server := serve(t, api.ServerConfig{Handler: newHarness(t).handler, WebConfigFile: path, Logger: zerolog.New(&log).Level(zerolog.WarnLevel)})
	pair, err := tls.LoadX509KeyPair(filepath.Join(filepath.Dir(path), "cert.pem"), filepath.Join(filepath.Dir(path), "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	ask := func(certificates ...tls.Certificate) error {
		transport := &http.Transport{
			DisableKeepAlives: true,
			TLSClientConfig:   &tls.Config{InsecureSkipVerify: true, Certificates: certificates}, //nolint:gosec // self-signed
		}
		resp, err := (&http.Client{Transport: transport}).Get("https://" + server.Addr().String() + "/healthz")
		if err == nil {
			_ = resp.Body.Close()
		}
		return err
	}
	if err := ask(pair); err != nil {
		t.Errorf("got %v with a certificate, want an answer", err)
	}
	for range 30 {
		if err := ask(); err == nil {
			t.Error("got an answer without a certificate, want none")
		}
	}
	if lines := log.take(t); len(lines) == 0 || len(lines) > 10 {
		t.Errorf("got %d log lines of 30 failed handshakes, want at most 10", len(lines))
	}
}

func TestPasswordIsDemanded(t *testing.T) {
	server := serve(t, api.ServerConfig{Handler: newHarness(t).handler, WebConfigFile: writeWebConfig(t, user)})
	for password, want := range map[string]int{"hunter2": 200, "hunter3": 401} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+server.Addr().String()+"/healthz", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth("alice", password)
		resp, err := server.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: got %d, want %d", password, resp.StatusCode, want)
		}
	}
}

// exporter-toolkit's rate_limit has no exception for probes: that is why it takes a --probe-address.
func TestARateLimitCountsProbes(t *testing.T) {
	server := serve(t, api.ServerConfig{Handler: newHarness(t).handler, WebConfigFile: writeWebConfig(t, "rate_limit:\n  interval: 1h\n  burst: 1\n")})
	for _, want := range []int{http.StatusOK, http.StatusTooManyRequests} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+server.Addr().String()+"/healthz", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := server.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("got %d, want %d", resp.StatusCode, want)
		}
	}
}

func TestReadWebConfig(t *testing.T) {
	tests := []struct {
		name, text string
		want       api.WebConfig
		probesOut  bool
	}{
		{"nothing", "", api.WebConfig{}, false},
		{"TLS", withTLS, api.WebConfig{}, false},
		{"passwords", user, api.WebConfig{Passwords: true}, true},
		{"certificate if there is one", withTLS + "  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: cert.pem\n", api.WebConfig{}, false},
		{"any certificate", withTLS + "  client_auth_type: RequireAnyClientCert\n", api.WebConfig{ClientCertificates: true}, true},
		{
			"verified certificate and password", withTLS + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: cert.pem\n" + user,
			api.WebConfig{Passwords: true, ClientCertificates: true}, true,
		},
		{"a rate limit", "rate_limit:\n  interval: 1s\n  burst: 10\n", api.WebConfig{RateLimit: true}, false},
		{"a rate limit that is off", "rate_limit:\n  interval: 0s\n  burst: 10\n", api.WebConfig{}, false},
	}
	for _, tt := range tests {
		got, err := api.ReadWebConfig(writeWebConfig(t, tt.text))
		if err != nil {
			t.Errorf("%s: got %v, want no error", tt.name, err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" || got.ShutsProbesOut() != tt.probesOut {
			t.Errorf("%s: got probes shut out: %t, and (-want +got):\n%s", tt.name, got.ShutsProbesOut(), diff)
		}
	}
	if got, err := api.ReadWebConfig(""); err != nil || got != (api.WebConfig{}) {
		t.Errorf("got %+v, %v without a file, want nothing asked", got, err)
	}
}

// TestServerThatCannotServeRefusesConnections takes the certificate away after it was checked: clients must not wait in the backlog of a
// listener that nobody serves.
func TestServerThatCannotServeRefusesConnections(t *testing.T) {
	path := writeWebConfig(t, withTLS)
	server, err := api.NewServer(api.ServerConfig{Address: "127.0.0.1:0", Handler: http.NotFoundHandler(), WebConfigFile: path})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(filepath.Dir(path), "cert.pem")); err != nil {
		t.Fatal(err)
	}
	if err := server.Serve(); err == nil || !strings.HasPrefix(err.Error(), "serving HTTP: ") {
		t.Errorf("got %v from Serve, want an error", err)
	}
	if conn, err := net.Dial("tcp", server.Addr().String()); err == nil {
		_ = conn.Close()
		t.Error("got a connection, want it refused")
	}
	if err := server.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestNewServerRefusesABadWebConfig(t *testing.T) {
	for name, path := range map[string]string{
		"missing":             filepath.Join(t.TempDir(), "web.yml"),
		"missing certificate": writeWebConfig(t, strings.ReplaceAll(withTLS, "cert.pem", "none.pem")),
		"unknown key":         writeWebConfig(t, "tls:\n  cert_file: cert.pem\n"),
		"no burst":            writeWebConfig(t, "rate_limit:\n  interval: 1s\n"),
		"a password alone":    writeWebConfig(t, "basic_auth_users: hunter2\n"),
		"a password in clear": writeWebConfig(t, "basic_auth_users:\n  alice: hunter2\n"),
	} {
		_, err := api.NewServer(api.ServerConfig{Address: "127.0.0.1:0", Handler: http.NotFoundHandler(), WebConfigFile: path})
		if err == nil || !strings.HasPrefix(err.Error(), fmt.Sprintf("checking the web configuration %q: ", path)) {
			t.Errorf("%s: got %v, want an error that names the file", name, err)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got a password in the error: %v", name, err)
		}
	}
}

func TestAWebConfigThatIsBrokenLaterIsNotQuoted(t *testing.T) {
	path := writeWebConfig(t, user)
	var log logBuffer
	server := serve(t, api.ServerConfig{Handler: newHarness(t).handler, WebConfigFile: path, Logger: zerolog.New(&log)})
	ask := func() int {
		resp, err := http.Get("http://" + server.Addr().String() + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	if code := ask(); code != http.StatusUnauthorized { // and so it has read the file
		t.Errorf("got %d, want 401", code)
	}
	if err := os.WriteFile(path, []byte("basic_auth_users: hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code := ask(); code != http.StatusInternalServerError {
		t.Errorf("got %d, want 500", code)
	}
	complained := false
	for _, line := range log.take(t) {
		text, _ := line["err"].(string)
		complained = complained || text == "yaml: unmarshal errors:\n  line 1: cannot unmarshal !!str (a value) into map[string]config.Secret"
	}
	if !complained {
		t.Errorf("no line names the fault and not the password: %v", log.take(t))
	}
}
