// Package sync decides when to look for targets and what to publish of them.
//
// # Promise
//
// A published snapshot is followed only by a newer one. Whatever fails (the API server, a namespace, a Secret's content, the disk)
// takes no target away that was published: it stays, marked as stale if its Secret no longer yields it, until a better answer is
// complete. A restarted process goes on from the file it finds. All of this is for the life of the pod: a new pod has only what the
// Secrets hold at that time.
//
// Not promised: that a target whose Secret was deleted is kept. A deleted Secret is an order, not a failure.
//
// No target at all is a state like any other, for flags that have found one before: in the document that this source left, or in this process.
// Where other flags filled the snapshot in place, an empty result is what a mistyped label or namespace finds, and is not published. Where
// nothing is in place, it is published with a warning. Config.MinTargets is the choice of an app that must not run without targets.
//
// # Structure
//
// One loop selects and dispatches, and never blocks. Its parts own the state, each its own: attempts the refreshes, schedule and requests
// when the next one starts, following the watches, catalogue what is known of every Secret, publications what is at the path. What the
// outside sees (status, document, gauges) is derived from them in one function after each step, and read through atomic pointers.
//
// The LIST runs in at most one lister goroutine, the write in at most one publisher goroutine, and each watch has a follower with a
// goroutine of its own; all report to the loop by channel.
//
//	to understand    open
//	---------------  -----------------------------------------------------------------
//	a refresh        refresh.go, attempt.go, schedule.go, publish.go, publication.go
//	a change         follow.go, change.go, catalogue.go, publish.go, publication.go
//	what is shown    status.go, metrics.go
//	what is decided  merge.go
//
// # When the next refresh starts
//
// Exactly one timer of this schedule is armed while no refresh runs; a refresh that is asked for may come before it. n counts the
// failures of a series; jitter is taken off each wait, but never off a server's Retry-After, which wins if it is longer (at most the
// interval).
//
//	state            the attempt ends with                    next refresh after           then
//	---------------  ---------------------------------------  ---------------------------  -------------------
//	no success yet   success                                  interval                     n = 0, "succeeded"
//	no success yet   any failure but a write                  StartupBackoff[n]            n + 1
//	succeeded        success                                  interval                     n = 0
//	succeeded        transient failure, n < MaxRetries        min(RetryBackoff[n], int.)   n + 1
//	succeeded        transient failure, n = MaxRetries        interval                     n = 0
//	succeeded        first 401 or 403 of an outage            2 to 5 s                     class transient
//	succeeded        second one of the outage                 min(60 s, interval)          class transient
//	succeeded        later 401 or 403, permanent failure      interval                     n = 0
//	any              only the write failed                    interval                     n = 0, write retried
//
// A refresh that waits for a transient failure to end is brought forward when a watch comes back, and one that the guard refused when
// changes bring enough targets: to within two seconds, at most once a minute, and never before a Retry-After.
//
// A failed write is tried again after StartupBackoff[0], [1], …, without a LIST, until it succeeds; then the refresh it belongs to
// becomes the success. A refresh that is asked for, by a person or by the source, starts at once; its failure goes on in the series. Who
// wants one that begins reading after the request, while one runs, gets the one that follows, as soon as the running one has ended.
//
// # Following changes
//
// A namespace is followed from the version of its first successful LIST on. An event changes the catalogue, and the catalogue is merged
// and published without another LIST: the first change after a quiet spell at once, the next no sooner than four times the duration of
// the last publication after its end, and at least 20 ms. During a LIST, events are applied, published and remembered; the
// LIST's answer replaces the catalogue, and what was remembered is applied again if it is newer. So no publication goes back in time.
//
//	the watch ends because of                 it is opened again               a refresh
//	----------------------------------------  -------------------------------  ------------------
//	its own time limit, or silence            at once, from where it was       no
//	the connection, or the server closes it   after 1 s, 2 s, … 10 s           no
//	401, 429, 5xx                             the same, or after Retry-After   no
//	410, an error event, bytes that are none  from the next successful LIST    is asked for
//	403, 404 and the like                     after each successful LIST; one  no
//	                                          that was open first like broken
//	                                          ones, for a minute
//
// Silence proves nothing, since an API server may send no bookmarks: a watch that is opened again replays what a hung stream had kept back.
//
// An API server that goes back, as after a restore of etcd, is found out by a LIST that is older than what was known when it began. A watch
// that is open again after trouble is checked within 10 s: it could have been opened in the server's future, where it hears nothing. The
// older state is then the present one, with the next generation, and followed from there.
//
// Refreshes that are asked for like this start 1 s, 2 s, … 30 s apart until a watch has lived for a minute.
package sync
