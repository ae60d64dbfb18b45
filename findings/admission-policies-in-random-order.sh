#!/bin/sh
# Kubernetes runs MutatingAdmissionPolicies in an order that it draws anew whenever one of them changes.
#
# Version:  k8s.io/apiserver v0.37.2, the library of kube-apiserver 1.37.2. Seen on 2026-11-27.
# Expected: an order that stays, by name as for webhooks, though the API does not promise one.
# Seen:     the order of a Go map. Touching one policy shuffles all, and each replica of the API server has an order of its own, so that two
#           policies which insert at the front of one list give pods of one ReplicaSet different orders.
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
	"strconv"
	"time"

	v1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/admission/plugin/policy/generic"
	"k8s.io/apiserver/pkg/admission/plugin/policy/mutating"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
)

func main() {
	ctx := context.Background()
	client := fake.NewClientset()
	api := client.AdmissionregistrationV1()
	for _, name := range []string{"a", "b", "c"} {
		policy := &v1.MutatingAdmissionPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}}
		binding := &v1.MutatingAdmissionPolicyBinding{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1.MutatingAdmissionPolicyBindingSpec{PolicyName: name}}
		if _, err := api.MutatingAdmissionPolicies().Create(ctx, policy, metav1.CreateOptions{}); err != nil {
			panic(err)
		}
		if _, err := api.MutatingAdmissionPolicyBindings().Create(ctx, binding, metav1.CreateOptions{}); err != nil {
			panic(err)
		}
	}
	generic.SetPolicyRefreshIntervalForTests(5 * time.Millisecond)
	factory := informers.NewSharedInformerFactory(client, 0)
	source := generic.NewPolicySource(
		factory.Admissionregistration().V1().MutatingAdmissionPolicies().Informer(),
		factory.Admissionregistration().V1().MutatingAdmissionPolicyBindings().Informer(),
		mutating.NewMutatingAdmissionPolicyAccessor, mutating.NewMutatingAdmissionPolicyBindingAccessor,
		func(*v1.MutatingAdmissionPolicy) mutating.PolicyEvaluator { return mutating.PolicyEvaluator{} }, factory, nil, nil)
	factory.Start(ctx.Done())
	go source.Run(ctx)
	orders := map[string]bool{}
	for change := range 100 {
		touched := &v1.MutatingAdmissionPolicy{ObjectMeta: metav1.ObjectMeta{Name: "a", Labels: map[string]string{"change": strconv.Itoa(change)}}}
		if _, err := api.MutatingAdmissionPolicies().Update(ctx, touched, metav1.UpdateOptions{}); err != nil {
			panic(err)
		}
		orders[order(source, strconv.Itoa(change))] = true
	}
	fmt.Println(len(orders) > 1)
}

// order waits for a change of policy a, and returns the order in which the policies then run.
func order(source generic.Source[mutating.PolicyHook], change string) (names string) {
	for {
		names = ""
		applied := false
		for _, hook := range source.Hooks() {
			names += hook.Policy.Name
			applied = applied || hook.Policy.Labels["change"] == change
		}
		if applied {
			return names
		}
		time.Sleep(time.Millisecond)
	}
}
GO
go mod init finding >log 2>&1
{ go get k8s.io/apiserver@v0.37.2 && go mod tidy; } >>log 2>&1 || { cat log; exit 2; }
seen=$(go run . 2>>log)
echo "several orders: $seen"
[ "$seen" = true ]
