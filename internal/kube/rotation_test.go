package kube_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/alert-history/refresh-sidecar/internal/kube"
)

// authority returns a certificate for 127.0.0.1 that is its own authority.
func authority(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// TestARotatedCAIsUsedAtOnce goes by the book: both authorities in the bundle, then the server's certificate, then the new authority alone.
func TestARotatedCAIsUsedAtOnce(t *testing.T) {
	before, after := authority(t), authority(t)
	var serving atomic.Pointer[tls.Certificate]
	serving.Store(&before)
	api := unstartedAPI(t, targetSecrets(1)...)
	api.EnableHTTP2 = true
	api.TLS = &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return serving.Load(), nil }}
	api.StartTLS()
	api.TLS.Certificates = nil // httptest's own would win

	bundle := filepath.Join(t.TempDir(), "ca.crt")
	write := func(authorities ...tls.Certificate) {
		t.Helper()
		var text []byte
		for _, a := range authorities {
			text = append(text, pemOf(a.Leaf)...)
		}
		if err := os.WriteFile(bundle+".new", text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(bundle+".new", bundle); err != nil { // as a projected volume does
			t.Fatal(err)
		}
	}
	write(before)
	k := newSource(t, kube.Config{REST: &rest.Config{Host: api.URL, TLSClientConfig: rest.TLSClientConfig{CAFile: bundle}}})
	steps := []struct {
		name string
		do   func()
		ok   bool
	}{
		{"the old authority", func() {}, true},
		{"both in the bundle", func() { write(before, after) }, true},
		{"the server has a new certificate", func() { serving.Store(&after) }, true},
		{"the new authority alone", func() { write(after) }, true},
		{"an empty bundle changes nothing", func() { write() }, true},
		{"a server of the old authority is not trusted any more", func() { serving.Store(&before) }, false},
	}
	for _, step := range steps {
		step.do()
		k.Close() // the next request opens a connection
		listing, err := k.List(t.Context(), alertsNamespace)
		if got := err == nil && len(listing.Secrets) == 1; got != step.ok {
			t.Errorf("%s: got %d Secrets, %v; want success: %t", step.name, len(listing.Secrets), err, step.ok)
		}
	}
}
