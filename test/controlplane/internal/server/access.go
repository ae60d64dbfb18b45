package server

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// userCount is how many users without rights there are. The token file is read at start only, so they are made ahead.
const userCount = 32

// readyTimeout bounds one question: an API server that is starting may take a connection and not answer it.
const readyTimeout = 5 * time.Second

// Access is how to reach the API server and as whom.
type Access struct {
	URL   string
	CA    []byte // PEM
	Admin User   // in the group system:masters: may do everything
	Users []User // may do nothing but what every authenticated user may
}

// User is a user of the API server.
type User struct {
	Name  string
	Token string
}

func newAccess(address string) Access {
	a := Access{
		URL:   "https://" + address,
		Admin: User{Name: "admin", Token: rand.Text()},
	}
	for i := range userCount {
		a.Users = append(a.Users, User{Name: "user-" + strconv.Itoa(i), Token: rand.Text()})
	}
	return a
}

// Ready returns nil when the API server says that it is ready.
func (a Access) Ready(ctx context.Context) error {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(a.CA) {
		return errors.New("the API server's certificate is not complete")
	}
	client := http.Client{
		Timeout: readyTimeout,
		Transport: &http.Transport{
			TLSClientConfig:   &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			DisableKeepAlives: true, // no connection, and no goroutine of one, is left behind
		},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.URL+"/readyz", nil)
	if err != nil {
		return fmt.Errorf("making a request: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+a.Admin.Token)
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("asking whether the API server is ready: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read from
	if resp.StatusCode != http.StatusOK {
		body, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
		return errors.Join(fmt.Errorf("the API server is not ready: %s: %s", resp.Status, body), err)
	}
	return nil
}

// writeCredentials writes the files from which the API server learns its users and its key for service account tokens.
func writeCredentials(dir string, a Access) error {
	var tokens strings.Builder
	fmt.Fprintf(&tokens, "%s,%s,%s,system:masters\n", a.Admin.Token, a.Admin.Name, a.Admin.Name)
	for _, u := range a.Users {
		fmt.Fprintf(&tokens, "%s,%s,%s\n", u.Token, u.Name, u.Name)
	}
	if err := os.WriteFile(filepath.Join(dir, tokenFile), []byte(tokens.String()), 0o600); err != nil {
		return fmt.Errorf("writing the token file: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("generating the service account key: %w", err)
	}
	der, err := x509.MarshalECPrivateKey(key) // the one encoding of such keys that kube-apiserver reads
	if err != nil {
		return fmt.Errorf("encoding the service account key: %w", err)
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
	if err := os.WriteFile(filepath.Join(dir, KeyFile), block, 0o600); err != nil {
		return fmt.Errorf("writing the service account key: %w", err)
	}
	return nil
}
