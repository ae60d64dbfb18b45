#!/bin/sh
# A web configuration whose rate_limit has an interval and no burst is valid, and refuses every request.
#
# Version: github.com/prometheus/exporter-toolkit v0.20.0, the server of Prometheus' exporters. Seen on 2026-11-27.
# Expected: one request an interval ("time interval between two requests", docs/web-configuration.md; a default for burst is not named), or
#           a file that its own check refuses.
# Seen:     web.Validate, which is `promtool check web-config`, accepts the file; four requests at a third of the rate
#           allowed are answered with 429. With "burst: 1" they are answered with 200.
# Exits with 0 while that is so, and with 1 when it has changed.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/prometheus/exporter-toolkit/web"
)

func main() {
	for _, config := range []string{"rate_limit:\n  interval: 100ms\n", "rate_limit:\n  interval: 100ms\n  burst: 1\n"} {
		if err := os.WriteFile("web.yml", []byte(config), 0o600); err != nil {
			panic(err)
		}
		fmt.Print("valid=", web.Validate("web.yml") == nil)
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			panic(err)
		}
		file, socket := "web.yml", false
		flags := &web.FlagConfig{WebConfigFile: &file, WebSystemdSocket: &socket, WebListenAddresses: &[]string{listener.Addr().String()}}
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "up 1\n") })}
		go func() { _ = web.Serve(listener, server, flags, slog.New(slog.DiscardHandler)) }()
		for range 4 {
			time.Sleep(300 * time.Millisecond)
			answer, err := http.Get("http://" + listener.Addr().String() + "/metrics")
			if err != nil {
				panic(err)
			}
			_ = answer.Body.Close()
			fmt.Print(" ", answer.StatusCode)
		}
		_ = server.Close()
		fmt.Println()
	}
}
GO
go mod init finding >log 2>&1
{ go get github.com/prometheus/exporter-toolkit@v0.20.0 && go mod tidy; } >>log 2>&1 || { cat log; exit 2; }
seen=$(go run .)
echo "seen:"
echo "$seen"
[ "$seen" = "valid=true 429 429 429 429
valid=true 200 200 200 200" ]
