#!/bin/sh
# A 95th percentile of classic buckets is 3.6 s where all observations of the window took less than 0.1 s.
#
# Version:  github.com/prometheus/prometheus v0.316.0, the library of Prometheus 3.16.0. Seen on 2026-11-27.
# Expected: what the same observations give as one native histogram with the same bounds: less than 0.1 s.
# Seen:     rate() extrapolates each bucket's series to the edges of the window by itself, but not below zero. A bucket that was empty when the
#           window began gets less than one in which old observations are, and histogram_quantile() takes the difference for observations
#           in the upper bucket. With four scrapes in the window, which Grafana's $__rate_interval gives, that is 8 of 100. A native histogram
#           is extrapolated as a whole.
# Exits with 0 while that is so, and with 1 when it has changed.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/prometheus/promql/promqltest"
)

// Nine slow observations in the past, and then 99 fast ones within the window, scraped every 15 s.
const samples = `load 15s
  classic_bucket{le="0.1"}  0 0 0 0 0 33 66 99
  classic_bucket{le="10"}   9 9 9 9 9 42 75 108
  classic_bucket{le="+Inf"} 9 9 9 9 9 42 75 108
  native {{schema:-53 count:9 sum:50 custom_values:[0.1 10] buckets:[0 9]}}x4 {{schema:-53 count:42 sum:51 custom_values:[0.1 10] buckets:[33 9]}} {{schema:-53 count:75 sum:52 custom_values:[0.1 10] buckets:[66 9]}} {{schema:-53 count:108 sum:53 custom_values:[0.1 10] buckets:[99 9]}}
`

func main() {
	loader, err := promqltest.NewLazyLoader(samples, promqltest.LazyLoaderOpts{EnableAtModifier: true, EnableNegativeOffset: true})
	if err != nil {
		panic(err)
	}
	defer loader.Close()
	now := time.Unix(0, 0).UTC().Add(109 * time.Second)
	loader.WithSamplesTill(now, func(err error) {
		if err != nil {
			panic(err)
		}
	})
	for _, name := range []string{"classic_bucket", "native"} {
		query, err := loader.QueryEngine().NewInstantQuery(context.Background(), loader.Queryable(), nil,
			fmt.Sprintf("histogram_quantile(0.95, rate(%s[1m]))", name), now)
		if err != nil {
			panic(err)
		}
		vector, err := query.Exec(context.Background()).Vector()
		if err != nil {
			panic(err)
		}
		fmt.Printf("%.3f ", vector[0].F)
	}
}
GO
go mod init finding >log 2>&1
{ go get github.com/prometheus/prometheus@v0.316.0 && go mod tidy; } >>log 2>&1 || { cat log; exit 2; }
seen=$(go run . 2>>log)
echo "95th percentile, classic and native: $seen"
[ "$seen" = "3.576 0.095 " ]
