// Package targetsfile is the contract between refresh-sidecar and the app beside it: one JSON file of publishing targets, and a
// [Reader] that follows it.
//
//	r, err := targetsfile.Open(ctx, "/var/run/publishing-targets/targets.json")
//	…
//	err = r.WaitReady(ctx)
//	target, err := r.Get("slack-prod")
//
// A target can be disabled: its Secret says so, and nothing is to be published to it. Get, All and ByType yield it all the same, Enabled
// leaves it out.
//
// An app that keeps something per target, such as a client or a type of its own, gets it from [Derive], which makes and drops it in step
// with the targets:
//
//	clients := targetsfile.Derive(r, newClient, (*client).Close)
//	err = r.WaitReady(ctx)
//	for target, client := range clients.Enabled() { … }
//
// [Target.NewRequest] makes a request to a target, and [Target.DecodeFilter] reads its filter. [Reader.Changes] and [Reader.OnChange] tell
// what changes, after lookups know it: they are for logs and pages, not for keeping something in step. Package targetsfiletest gives an
// app's tests targets, and package prom, in a module of its own, exports the reader's metrics.
//
// # What is promised
//
// Lookups answer from memory, from one complete and verified snapshot, without locks and without I/O. They go on doing so whatever
// becomes of the file, the sidecar and the reader itself: a missing, empty, truncated, damaged or unknown file never takes a target
// away, and neither does Close. A valid file with an empty list of targets is not such a case: it says that there are none.
//
// Within an epoch no older snapshot follows a newer one. A new epoch, which the sidecar begins when it has no file to go on from, is
// accepted whatever its generation.
//
// A new file is served as soon as the operating system announces it, and after a poll interval, give or take a tenth, where the system
// announces nothing. A file whose size, times and inode are those of the file before is found after twelve polls. Where a watch announces
// nothing, as between the containers of a gVisor pod or on FUSE, the first change that a poll finds shortens the polls to a second, and
// Status.Watching says no. However many changes come, the last one is served.
//
// What keeps the reader from the present file is in [Status], and in the log once.
//
// Changes come in order, and after the lookups know them. A consumer that takes its time delays nobody: what it misses is
// merged into its next change. A callback that panics is called again with the next one.
//
// # Secrets
//
// A Slack URL's path is a credential, and so are the values of headers. A [Target] keeps them out of what is printed of it. The errors of
// net/http and net/url do not: the *url.Error of an http.Client that could not send a request quotes its URL with path and query. Let each
// such error pass through [RedactError] before it is logged, returned or put into a metric, and print no *http.Request.
//
// # What is not promised
//
// A snapshot is not the present state of the cluster. [Status] tells its age, and Stale when nothing vouches for it any more, but a
// stale snapshot is served all the same: an outdated target is worth more than none. So staleness, and [Reader.Healthy] with it, is for
// alerts, never for a liveness or readiness probe.
//
// Not every snapshot is seen: of several in quick succession the reader may load only the last, and a consumer of changes may miss more.
// A file that is written in place instead of being renamed into place is found, too, but may first be refused as damaged.
//
// The checksum finds damage, not forgery: whoever may write the file decides where alerts go.
//
// The file must be reached through its directory. A container that mounts the file itself (a subPath) keeps the first file for ever;
// Status.Detached, the log and Healthy say so.
// Where the path leads through a symbolic link, a change behind the link is found by polling alone, except in a volume that a kubelet
// projects.
//
// # Concurrency
//
// All methods of a [Reader], a [Snapshot] and a [Map] may be called at any time from any goroutine. A [Target], a [Snapshot] and a published
// [Document] are immutable: maps and slices in them are shared and must not be written to. A Reader runs one goroutine, the watcher of
// file system events up to two more and each function given to OnChange one. After Close has returned there are none.
//
// # Compatibility
//
// schema_version 1 is frozen. Fields may be added, and this package ignores those that it does not know; none is renamed, removed or
// given another meaning. A file of a later version is refused, and the last snapshot kept; so a reader for a later version is released
// before any sidecar writes that version. schema/snapshot.schema.json describes the file for other languages, and for what the sidecar
// writes today it is stricter than [Decode] is.
//
// Exported names follow semantic versioning. Texts of errors, logs and String methods may change.
package targetsfile
