// Package readme holds README.md to what it describes: its tests run or parse every block in it, compare its tables with the program,
// and follow its links. A block of a kind that nothing here knows fails.
package readme
