package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
)

// CompactEtcd has etcd forget every revision but the present one. An API server has it forget old ones, too, but only every five minutes.
// CompactEtcd speaks the JSON form of etcd's client API: the Go client would bring gRPC for two calls.
func (s *Server) CompactEtcd(ctx context.Context) error {
	dir, err := os.Open(s.config.Dir)
	if err != nil {
		return fmt.Errorf("opening the directory of etcd: %w", err)
	}
	defer dir.Close() //nolint:errcheck // only looked into
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			// Through /proc, because the directory's own path may be too long for a socket.
			socket := fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), strings.TrimPrefix(etcdSocket, "unix://"))
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}
	var present struct {
		Header struct{ Revision string }
	}
	if err := callEtcd(ctx, &client, "range", map[string]any{"key": []byte{0}}, &present); err != nil {
		return err
	}
	compaction := map[string]any{"revision": present.Header.Revision, "physical": true}
	return callEtcd(ctx, &client, "compaction", compaction, nil)
}

// callEtcd calls a method of etcd's KV service. A nil answer is not decoded.
func callEtcd(ctx context.Context, client *http.Client, method string, request, answer any) error {
	body, err := json.Marshal(request)
	if err != nil {
		return fmt.Errorf("encoding a request to etcd: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://etcd/v3/kv/"+method, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("making a request to etcd: %w", err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("calling etcd: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read from
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("reading etcd's answer: %w", err)
	}
	switch {
	case resp.StatusCode != http.StatusOK:
		return errors.New("etcd answered " + resp.Status + ": " + string(text))
	case answer == nil:
		return nil
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("decoding etcd's answer: %w", err)
	}
	return nil
}
