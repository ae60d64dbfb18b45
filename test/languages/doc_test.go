// Package languages_test looks at the snapshot file as apps in other languages do: with the readers of docs/readers, with validators of its
// JSON Schema, and with readers that are generated from that schema. What an interpreter or npm is missing for is skipped, aloud.
package languages_test
