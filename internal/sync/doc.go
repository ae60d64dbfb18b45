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
// # Structure
//
// One loop owns the state and never blocks. The LIST runs in at most one lister goroutine, the write in at most one publisher
// goroutine, each watch in its own; all report to the loop by channel. The outside reads an immutable status through an atomic
// pointer.
//
// # When the next refresh starts
//
// Exactly one timer is armed while no refresh runs. n counts the failures of a series; jitter is taken off each wait, but never off
// a server's Retry-After, which wins if it is longer (at most the interval).
//
//	state            the attempt ends with                    next refresh after           then
//	---------------  ---------------------------------------  ---------------------------  -------------------
//	no success yet   success                                  interval                     n = 0, "succeeded"
//	no success yet   any failure but a write                  StartupBackoff[n]            n + 1
//	succeeded        success                                  interval                     n = 0
//	succeeded        transient failure, n < MaxRetries        min(RetryBackoff[n], int.)   n + 1
//	succeeded        transient failure, n = MaxRetries        interval                     n = 0
//	succeeded        first 401 or 403 of an outage            min(60 s, interval)          class transient
//	succeeded        later 401 or 403, permanent failure      interval                     n = 0
//	any              only the write failed                    interval                     n = 0, write retried
//
// A failed write is tried again after StartupBackoff[0], [1], …, without a LIST, until it succeeds; then the refresh it belongs to
// becomes the success. A refresh that is asked for, by a person or by the source, starts at once; its failure goes on in the series.
package sync
