// Package api answers HTTP: it starts refreshes on request, tells how fresh the targets are and what is published, to programs and, on a
// page, to people, and serves health and metrics. All JSON shapes of the sidecar's HTTP interface live here; openapi.yaml describes them.
// Of the engine behind it, package sync, it uses the few methods of [Engine] and the structs that they return.
//
// # What it promises
//
// Every answer carries X-Request-ID and every JSON answer names the instance that gave it, because behind a Service each answer is
// one pod's. Whatever goes wrong, a panic included, is answered in one shape:
//
//	{"error":"not_found","message":"No such path","request_id":"…","instance":"alert-history-0"}
//
// The word in "error" is for programs and stays; the sentence in "message" is for people and may improve. Fields may be added to any
// shape, none is renamed. Paths match exactly: no redirect, no trailing slash, no escaped spelling.
//
// Each refresh request leaves an audit line in the log, and a flood of refusals leaves a bounded number of them. Of what a caller sends,
// only the request ID, the start of the User-Agent and the name of an authorized user reach a log, and nothing reaches a metric label.
//
// With an [Authorizer], refreshes and the list of targets need a bearer token; status, health, metrics, page and description stay open, and
// the page then leaves the targets out. The shape of a target has no room for what is secret of it.
//
// A caller who waits for the end of a refresh gets the end of one that began reading after the call. The answer comes with that end, or
// when the wait is over or the server shuts down; meanwhile the caller holds one of 32 places.
//
// # What it does not promise
//
// Answers that net/http or the web configuration give before a handler runs (a malformed request line, oversized headers, a password that
// is missing) are in their own words, and so is the 500 of /metrics when gathering fails. Remote addresses are those of the connection:
// behind a proxy they are the proxy's, as X-Forwarded-For can be forged.
package api
