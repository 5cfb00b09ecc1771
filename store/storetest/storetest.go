// Package storetest checks what every store.Store must do.
//
//	storetest.go   Run
//	world.go       a store with short ways to ask it
//	writes.go      what each action does, versions, keys, bad input
//	rows.go        who may write some of the documents
//	collections.go   what collections there are
//	whole.go       what is done to a whole collection
//	changes.go     changes, their order, and what a search has seen
//	searches.go    filters, sorts, pages
//	random.go      random documents and filters
//	compare.go     benchmarks that compare
package storetest

import (
	"os"
	"testing"
)

// Run runs the suite. Rounds is how many random filters are compared with filter.Match.
func Run(t *testing.T, m Maker, rounds int) {
	for name, test := range map[string]func(*testing.T, Maker){
		"actions": testActions, "versions": testVersions, "ids": testIDs, "contents": testContents, "keys": testKeys, "texts are data": testTexts, "rows": testRows, "collections": testCollections, "whole collections": testWhole, "whole collections among writes": testWholeAmongWrites,
		"changes": testChanges, "seen": testSeen, "many": testMany, "sorts": testSorts, "pages": testPages, "cursors": testCursors,
		"reads are bounded": testBounds, "documents": testGet, "after Close": testClose,
	} {
		t.Run(name, func(t *testing.T) { test(t, m) })
	}
	t.Run("search equals Match", func(t *testing.T) { testMatch(t, m, rounds) })
}

// RunSearches runs the part of the suite that is about searches, for a store that has indexes beside.
func RunSearches(t *testing.T, m Maker, rounds int) {
	for name, test := range map[string]func(*testing.T, Maker){"sorts": testSorts, "pages": testPages, "cursors": testCursors} {
		t.Run(name, func(t *testing.T) { test(t, m) })
	}
	t.Run("search equals Match", func(t *testing.T) { testMatch(t, m, rounds) })
}

// Folder returns a folder for a test's files, in memory where the system has such a place: tests make thousands of
// commits, and ask what is there after a process ended, not what is there after the power failed.
func Folder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "tidings-store-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
