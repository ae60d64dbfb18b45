package controlplane

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/alert-history/refresh-sidecar/test/controlplane/internal/server"
)

// ServiceAccountToken returns a token of a service account, which is made if it is not there. Without audiences the token is for the
// API server.
func (p *Plane) ServiceAccountToken(t testing.TB, namespace, name string, audiences ...string) string {
	t.Helper()
	accounts := p.Admin().CoreV1().ServiceAccounts(namespace)
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if _, err := accounts.Create(t.Context(), account, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatalf("controlplane: %v", err)
	}
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: audiences}}
	request, err := accounts.CreateToken(t.Context(), name, request, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("controlplane: %v", err)
	}
	p.cleanup(t, func(ctx context.Context) error {
		if err := accounts.Delete(ctx, name, metav1.DeleteOptions{}); !apierrors.IsNotFound(err) {
			return err
		}
		return nil
	})
	return request.Status.Token
}

// Expired returns a service account's token as it will be when it has expired that long ago: an API server issues none for less than ten
// minutes.
func (p *Plane) Expired(t testing.TB, token string, since time.Duration) string {
	t.Helper()
	key, err := p.signingKey()
	if err != nil {
		t.Fatalf("controlplane: %v", err)
	}
	parts := strings.Split(token, ".")
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatalf("controlplane: %v", err)
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatalf("controlplane: %v", err)
	}
	ago := func(d time.Duration) int64 { return time.Now().Add(-d).Unix() }
	claims["iat"], claims["nbf"], claims["exp"] = ago(since+time.Hour), ago(since+time.Hour), ago(since)
	if payload, err = json.Marshal(claims); err != nil {
		t.Fatalf("controlplane: %v", err)
	}
	signed := parts[0] + "." + base64.RawURLEncoding.EncodeToString(payload)
	digest := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		t.Fatalf("controlplane: %v", err)
	}
	signature := make([]byte, 64) // ES256 is the two numbers side by side
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func (p *Plane) signingKey() (*ecdsa.PrivateKey, error) {
	data, err := os.ReadFile(filepath.Join(p.dir, server.KeyFile)) // #nosec G304 -- a file that this package wrote
	if err != nil {
		return nil, fmt.Errorf("reading the service account key: %w", err)
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, errors.New("the service account key is no PEM")
	}
	return x509.ParseECPrivateKey(block.Bytes)
}
