// Package archtest holds the walls of the house: which folder may import which, and which foreign modules (DESIGN: imports run
// downwards, there is no circle, no foreign type in an exported signature). It has no code of its own but for its tests.
package archtest
