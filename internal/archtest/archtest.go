// Package archtest holds the walls of the house. It has no code of its own but for its tests:
//
//	walls_test.go      which folder may import which, and which foreign modules; table_test.go is the table
//	exported_test.go   no foreign type in an exported signature
//	named_test.go      a file, or a section of a page, that a comment or a page names is there
//	maps_test.go       a package comment that lists files names each of them
//	moves_test.go      docs/history/house-moves.md is true: the old names are gone, the new ones are there
//
// Imports run one way, and there is no circle.
package archtest
