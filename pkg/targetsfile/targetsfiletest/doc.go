// Package targetsfiletest gives an app's tests targets to work with, without a sidecar.
//
// [NewReader] returns a reader of fixed targets, for code that looks them up. [NewWriter] stands in for the sidecar where targets change
// during the test, and [WriteSnapshot] where one file will do. What they write is what the sidecar writes, checksum and all, and it is
// read by the real reader. What no sidecar writes they refuse. Targets are enabled, as those of a Secret are that says nothing about it;
// [Writer.Disable] is for those that are not.
//
// All of them end the test when they cannot do what they are asked. A Reader from here works in a testing/synctest bubble; one that the
// test opens itself does so with [targetsfile.WithoutWatch].
package targetsfiletest
