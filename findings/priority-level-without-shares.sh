#!/bin/sh
# A priority level of zero shares and no queue, which Kubernetes calls a jail, lets requests through, one at a time.
#
# Versions: k8s.io/apiserver v0.37.2, which is API Priority and Fairness of kube-apiserver 1.37.2. Seen on 2026-11-27, there too.
# Expected: "Setting this field to zero supports the construction of a jail" (flowcontrol/v1, nominalConcurrencyShares): with zero seats and
#           limitResponse Reject every request is refused with 429.
# Seen:     a request is refused only while another one of the level runs. A client that asks for one thing after the other notices nothing.
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

	"k8s.io/apiserver/pkg/util/flowcontrol/fairqueuing"
	"k8s.io/apiserver/pkg/util/flowcontrol/fairqueuing/eventclock"
	"k8s.io/apiserver/pkg/util/flowcontrol/fairqueuing/queueset"
	"k8s.io/apiserver/pkg/util/flowcontrol/metrics"
	"k8s.io/apiserver/pkg/util/flowcontrol/request"
)

func main() {
	clock := eventclock.Real{}
	begun, err := queueset.NewQueueSetFactory(clock).BeginConstruction(fairqueuing.QueuingConfig{Name: "jail"}, // no queue
		metrics.RatioedGaugeVecPhasedElementPair(metrics.PriorityLevelConcurrencyGaugeVec, 1, 1, []string{"jail"}),
		metrics.PriorityLevelExecutionSeatsGaugeVec.NewForLabelValuesSafe(0, 1, []string{"jail"}),
		fairqueuing.NewNamedIntegrator(clock, "jail"))
	if err != nil {
		panic(err)
	}
	level := begun.Complete(fairqueuing.DispatchingConfig{ConcurrencyLimit: 0, ConcurrencyDenominator: 1})
	start := func() fairqueuing.Request {
		admitted, _ := level.StartRequest(context.Background(), &request.WorkEstimate{InitialSeats: 1}, 0, "", "jail", "a", "b", nil)
		return admitted
	}
	first := start()
	fmt.Print(first != nil, " ", start() != nil)
	first.Finish(func() {})
	fmt.Println("", start() != nil)
}
GO
go mod init finding >log 2>&1
{ go get k8s.io/apiserver@v0.37.2 && go mod tidy; } >>log 2>&1 || { cat log; exit 2; }
seen=$(go run . 2>/dev/null)
echo "seen: $seen"
[ "$seen" = "true false true" ]
