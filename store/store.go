// Package store keeps documents: JSON objects with an id, in collections. Each write makes a change, which is kept in
// the same transaction until it was published in the collection's channel.
//
//	store.go       Store, and what it is asked and answers
//	name.go        names of collections, and ids
//	apply.go       what each action makes of a document
//	object.go      JSON objects, member by member
//	query.go       searches: their sort and cursors
//	page.go        a search's page, made of the rows that a store reads
//	many.go        writes to what a filter matches
//	whole.go       what is done to a whole collection
//	storetest/     the suite that every store passes
//	killtest/      kills processes that write, and checks what is there then
//	sqlstore/      what stores share that speak SQL
//	sqlite/        the store of a single node, in one file
//	postgres/      the store that several nodes share
//	relay/         publishes the changes
package store

import (
	"context"
	"crypto/sha256"
	"time"

	"tidings/filter"
	"tidings/protocol"
)

// Store keeps documents and their changes. Its methods may be called from any goroutine. They fail with a
// *protocol.Error: CodeStorageFull if the disk is full, CodeOverloaded if too many writes wait, CodeTimeout if the
// context ended first, CodeShuttingDown after Close, and CodeInternal if the store failed.
type Store interface {
	// Write makes the operations of one request, in their order, in one transaction. An operation that is refused is
	// refused alone: its Result has the Fault. If Write fails nothing of it is there, except with CodeTimeout, when it
	// may yet happen.
	Write(ctx context.Context, w Write) ([]Result, error)
	// Get returns the documents that there are among ids, at most MaxOps, in the order of ids.
	Get(ctx context.Context, c Collection, ids []string) ([]Document, error)
	// Search returns one page of the documents that a query asks for.
	Search(ctx context.Context, c Collection, q Query) (Page, error)
	// Lead waits until this process is the one that publishes the store's changes, and reads the mark anew. It is that
	// one until ctx ends, or ended is closed: another process may be it then. A store of one process has no ended.
	Lead(ctx context.Context) (ended <-chan struct{}, err error)
	// Changes returns at most limit changes that were not marked as relayed, in the order of their numbers. It waits as
	// long as it cannot know which changes come next. Only who leads may ask.
	Changes(ctx context.Context, after uint64, limit int) ([]Change, error)
	// Relayed marks all changes up to a number as published: a store that is opened again does not return them.
	Relayed(ctx context.Context, number uint64) error
	// Mark returns the number up to which changes were marked, as Lead has read it and Relayed has moved it.
	Mark() uint64
	// Wake is sent to after changes were committed. It holds one value: whoever receives looks for all.
	Wake() <-chan struct{}
	// Stats returns counts of the present.
	Stats() Stats
	// ID names the store's content, and is drawn when the store is made.
	ID() string
	// Close ends the store, after the writes that were begun. It is idempotent.
	Close() error
}

// Lister is a Store that knows its collections.
type Lister interface {
	// Collections returns at most limit of the collections that have documents or were made, by their names, those
	// whose name follows after; the zero after is the beginning. One that has lost its last document may be among them.
	Collections(ctx context.Context, after Collection, limit int) ([]Collection, error)
}

// Bounds of what a store is asked.
const (
	MaxOps       = 1000    // operations of one Write
	MaxFields    = 100     // fields that one operation removes
	MaxWaiting   = 100_000 // changes that wait for the relay; above that, writes are refused with CodeOverloaded
	MaxLimit     = 256     // documents of one page
	MaxRead      = 10_000  // documents that one search reads
	MaxPageBytes = 1 << 20 // of documents, after which a page takes no more, unless the query says less
	MaxSort      = 4       // fields of a sort
	DefaultLimit = 100     // documents of a page, if the query does not say
)

// How long a key is remembered, and how long a search may take: it ends with CodeTimeout then.
const (
	KeyMemory     = 10 * time.Minute
	SearchTimeout = 5 * time.Second
)

// Action is what an operation does.
type Action string

// The actions on one document. Content is the operation's. Those on a whole collection are Make, Truncate and Drop.
const (
	Create       Action = "create"       // a new document of the content; it must not be there
	Put          Action = "put"          // create or replace
	Replace      Action = "replace"      // the content takes the place of the old one; the document must be there
	Patch        Action = "patch"        // merge the content into a document that must be there
	Upsert       Action = "upsert"       // patch, or create of Default with the content merged into it
	Remove       Action = "remove"       // the document, which must be there
	RemoveFields Action = "removeFields" // Fields, of a document that must be there; those that it does not have are no fault
)

// Op is one operation on one document.
type Op struct {
	Action  Action
	ID      string         // "" lets Create draw one; "" of an action on a whole collection
	Content []byte         // a JSON object, without what the store adds
	Default []byte         // of Upsert, a JSON object; nil: {}
	Fields  []string       // of RemoveFields, such as "driver.name"
	Version uint64         // the document must have this one, else CodeVersionConflict; 0: any
	Only    *filter.Filter // the document must match before, else CodeNotFound; nil: any
	// Rows are the documents that there are for the writer; nil: all. What does not match before is CodeNotFound, and
	// CodeForbidden for an action that would make it; what would not match after is CodeForbidden.
	Rows *filter.Filter
}

// Write is one request.
type Write struct {
	Collection Collection
	Ops        []Op   // 1 to MaxOps
	By         string // the user that is noted as author or updater; "": nobody
	Silent     bool   // make no changes: nobody hears of it
	Meta       []byte // of the changes' messages, see protocol.Extra
	Origin     []byte // likewise
	// Key and Principal name the request: one that is repeated within KeyMemory is not made again and has the same
	// results, also after a restart. Documents are part of them if there is one operation. A request of which each
	// operation was refused is not remembered. Key "" is none.
	Key, Principal string
	Hash           [sha256.Size]byte // of the request; another one with the same key fails with CodeIdempotencyConflict
}

// Event names what a change did.
type Event string

// The events.
const (
	Created Event = "created"
	Updated Event = "updated" // the whole content was replaced
	Patched Event = "patched" // a part was
	Removed Event = "removed"
	Reset   Event = protocol.EventReset // of a collection, without a document: what happened cannot be told, so load anew
)

// Result is the outcome of one operation.
type Result struct {
	ID       string
	Version  uint64          // of the document now; of CodeVersionConflict the one that it has; of a removal the last; of a Reset its change's number
	Event    Event           // "" if refused, and of Make
	Document []byte          // after it; the last content of a removal; nil if refused
	Fault    *protocol.Error // nil: done
}

// Document is one document as everybody sees it: JSON is its content with _id, _version and _info in it, at most
// protocol.MaxPayloadBytes.
type Document struct {
	ID      string
	Version uint64 // the number of the change that made it: it grows with each write, by one or more, and is never used again
	JSON    []byte
}

// Change is what one operation did, to be published.
type Change struct {
	Number       uint64 // grows with the changes of each document, and is never used again
	Txn          uint64 // the transaction that Seen counts; 0 if it is Number
	Collection   Collection
	ID           string
	Event        Event
	Before       []byte // nil for a creation or removal
	After        []byte // of a removal the last content; of a reset {}
	Changed      []byte // see protocol.Extra
	Meta, Origin []byte
	At           int64 // when it was made, Unix milliseconds
}

// Seen is which changes a page has in it: those with a transaction below Before, or below Next and not in Open.
type Seen struct {
	Before uint64   `json:"before"`
	Next   uint64   `json:"next"`
	Open   []uint64 `json:"open"`
}

// Page is one page of a search.
type Page struct {
	Documents []Document
	Next      string // the cursor of the next page; "" if there is none
	Complete  bool   // false: MaxRead was reached, so the page may have less than its limit although there are more
	Total     int    // of all matches, if the query asked to count and Counted is true
	Counted   bool   // MaxRead sufficed to count them
	Seen      Seen
}

// Stats is what a store knows of the present.
type Stats struct {
	Waiting  int    // changes that were not marked as relayed
	Queue    int    // writes that wait for a commit
	Writes   uint64 // operations that were done
	Commits  uint64 // transactions, those of Relayed included
	ReadOnly bool   // the disk failed, and no write is accepted until a restart
}
