#!/bin/sh
# A client of client-go fails for minutes with x509 although the CA file that it was given names the server's CA.
#
# Versions: k8s.io/client-go v0.37.2. Seen on 2026-11-27. (v0.34.0 has no code that looks at the file again.)
# Expected: a kubelet replaces ca.crt in a pod as it does the token, so a client reads it again as it does the token, or when x509 fails.
# Seen:     of eight requests in four seconds after the server and the file have a new CA, each fails, on a new connection each. The file is
#           looked at once in five minutes (transport.caRefreshDuration).
# Exits with 0 while that is so, and with 1 when it has changed.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/cert"
)

var serving atomic.Pointer[tls.Certificate]

// rotate gives server and file a certificate of a new CA.
func rotate() {
	chain, key, err := cert.GenerateSelfSignedCertKey("127.0.0.1", nil, nil)
	if err != nil {
		panic(err)
	}
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		panic(err)
	}
	serving.Store(&pair)
	if err := errors.Join(os.WriteFile("new", chain, 0o600), os.Rename("new", "ca.crt")); err != nil {
		panic(err)
	}
}

func main() {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return serving.Load(), nil }}
	server.StartTLS()
	server.TLS.Certificates = nil
	rotate()
	client, err := rest.HTTPClientFor(&rest.Config{Host: server.URL, TLSClientConfig: rest.TLSClientConfig{CAFile: "ca.crt"}})
	if err != nil {
		panic(err)
	}
	ask := func() string {
		resp, err := client.Get(server.URL)
		var unknown x509.UnknownAuthorityError
		switch {
		case err == nil:
			resp.Body.Close()
			return "answered"
		case errors.As(err, &unknown):
			return "x509"
		}
		return err.Error()
	}
	fmt.Print(ask(), ":")
	rotate()
	server.CloseClientConnections()
	for range 8 {
		time.Sleep(500 * time.Millisecond)
		fmt.Print(" ", ask())
	}
	fmt.Println()
}
GO
go mod init finding >log 2>&1
{ go get k8s.io/client-go@v0.37.2 && go mod tidy; } >>log 2>&1 || { cat log; exit 2; }
seen=$(go run . 2>/dev/null)
echo "seen: $seen"
[ "$seen" = "answered: x509 x509 x509 x509 x509 x509 x509 x509" ]
