// Package readme holds the manual, README.md and the documents that belong to it, to what it describes: its tests run or parse every
// block, compare the tables with the program, and follow the links of all documents. A block of a kind that nothing here knows fails.
package readme
