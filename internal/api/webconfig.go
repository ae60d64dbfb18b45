package api

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/prometheus/exporter-toolkit/web"
	"sigs.k8s.io/yaml"
)

// WebConfig is what a web configuration file asks of callers, as far as the sidecar's other options depend on it.
type WebConfig struct {
	Passwords          bool // basic auth, which takes the header that bearer tokens need
	ClientCertificates bool // demanded in the TLS handshake
}

// ShutsProbesOut reports whether a kubelet cannot probe this listener: it has neither a password nor a certificate to show.
func (c WebConfig) ShutsProbesOut() bool { return c.Passwords || c.ClientCertificates }

// ReadWebConfig checks a file in exporter-toolkit's format, with the certificates that it names, and returns what it asks of callers. An
// empty path is no file, which asks nothing.
func ReadWebConfig(path string) (WebConfig, error) {
	if path == "" {
		return WebConfig{}, nil
	}
	if err := web.Validate(path); err != nil {
		return WebConfig{}, fmt.Errorf("checking the web configuration %q: %w", path, unquotedError(err))
	}
	text, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return WebConfig{}, fmt.Errorf("reading the web configuration: %w", err)
	}
	var file struct {
		Users map[string]any `json:"basic_auth_users"`
		TLS   struct {
			ClientAuth string `json:"client_auth_type"`
		} `json:"tls_server_config"`
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		return WebConfig{}, fmt.Errorf("reading the web configuration %q: %w", path, unquotedError(err))
	}
	demanded := file.TLS.ClientAuth == "RequireAnyClientCert" || file.TLS.ClientAuth == "RequireAndVerifyClientCert"
	return WebConfig{Passwords: len(file.Users) > 0, ClientCertificates: demanded}, nil
}
