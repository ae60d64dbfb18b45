// Package discovery takes the place of an app's own discovery of targets: lookups from the sidecar's snapshot, and the sidecar's refresh
// and status on the app's port.
//
//	d, err := discovery.Open(ctx, discovery.Config[*Target]{Path: path, Sidecar: "http://127.0.0.1:8095", Convert: convert})
//	…
//	d.OnChange(modes.OnTargetsChanged)
//	mux.Handle("POST /api/v2/publishing/targets/refresh", adminOnly(d.RefreshHandler()))
//
// [Discovery] has the methods that alert-history asks a discovery for, with the app's own type of target. An app embeds it in a type of its
// own, and adds the method whose result is the app's: GetStats.
//
// # What is promised
//
// Lookups keep what package targetsfile promises: they answer from memory, whatever becomes of the file and the sidecar. Only
// [Discovery.DiscoverTargets] and the two handlers ask the sidecar. Without it the handlers answer 503, and DiscoverTargets is content with
// the file.
//
// The handlers ask nobody who the caller is. What they pass on is the refresh and the status, and no other path of the sidecar.
package discovery
